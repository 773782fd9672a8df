"""A detector and a gain for live sessions of tests: loud is speech, and sound is as loud as it comes."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.live import listener


class Loudness:
    """A detector for which loud is speech."""

    def __enter__(self) -> Loudness:
        return self

    def __exit__(self, *_: object) -> None: ...

    def feed(self, frame: np.ndarray) -> float:
        return float(frame.max() >= 0.1)


class Certainty(Loudness):
    """A detector that is as sure of speech as a frame is loud."""

    def feed(self, frame: np.ndarray) -> float:
        return float(frame.max())


class NoGain:
    """A gain that changes nothing."""

    def __init__(self, frame: int) -> None: ...

    def apply(self, frame: np.ndarray) -> np.ndarray:
        return frame


@pytest.fixture
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "Silero", Loudness)
    monkeypatch.setattr(listener, "RunningGain", NoGain)


@pytest.fixture
def louder_is_surer(loud_is_speech: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "Silero", Certainty)


# Sound behind a sentence of 9 s and a pause, by its seconds and level, and whether it is heard as a word: a file that
# has it alone, in a piece of its own, has the same.
BEHIND = [
    pytest.param(0.4, 0.45, False, id="a breath"),
    pytest.param(0.05, 0.9, False, id="a click"),
    pytest.param(0.3, 0.9, True, id="a word"),
    pytest.param(1.5, 0.55, True, id="words in noise"),
]
