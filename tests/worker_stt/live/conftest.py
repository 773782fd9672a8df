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


class NoGain:
    """A gain that changes nothing."""

    def __init__(self, frame: int) -> None: ...

    def apply(self, frame: np.ndarray) -> np.ndarray:
        return frame


@pytest.fixture
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "Silero", Loudness)
    monkeypatch.setattr(listener, "RunningGain", NoGain)
