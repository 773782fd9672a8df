"""A call of the library on a thread of its own, and the recording whose voice it speaks with."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from hushd_worker.job import Cancelled
from hushd_worker_tts.engine import Samples

from .inventory import SPEC

UNREADABLE = (OSError, soundfile.LibsndfileError)  # faults of a recording
_HEARD_S = 10.0  # seconds of a recording that the library uses


def beginning(path: Path, rate: int) -> Samples:
    """Returns the beginning of a recording, mono. Raises one of `UNREADABLE`."""
    samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True, frames=int(_HEARD_S * 48_000))
    heard = soxr.resample(samples.mean(axis=1), own_rate, rate)[: int(_HEARD_S * rate)]
    return np.ascontiguousarray(heard, np.float32)


class Generation:
    """A call of the library on a separate thread, and the pieces of sound that it produces.

    The library passes on each piece: 1.2 s with Pocket TTS, a sentence with Supertonic. It can only be stopped there,
    and only by an exception: Supertonic ignores the return value that its makers intended for this.
    """

    def __init__(self, tts: Any, text: str, config: Any) -> None:
        self._arguments = (tts, text, config)
        self._pieces: queue.SimpleQueue[Samples | BaseException | None] = queue.SimpleQueue()
        self._stopped = False
        self.over = False
        self._thread = threading.Thread(target=self._work, name=SPEC.name, daemon=True)
        self._thread.start()

    def piece(self, seconds: float) -> Samples | None:
        """Returns the next piece; None after a timeout, or at the end, when `over` is set."""
        try:
            piece = self._pieces.get(timeout=seconds)
        except queue.Empty:
            return None
        self.over = not hasattr(piece, "dtype")
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def stop(self) -> None:
        """Stops the library and waits for its end; if that takes too long, the supervisor ends the process."""
        self._stopped = True
        self._thread.join()

    def _work(self) -> None:
        tts, text, config = self._arguments

        def on_sound(samples: Any, progress: float) -> int:
            if self._stopped:
                raise Cancelled
            self._pieces.put(np.nan_to_num(np.array(samples, np.float32)))
            return 1

        try:
            tts.generate(text, config, on_sound)
            self._pieces.put(None)
        except BaseException as error:  # passed to the waiting thread
            self._pieces.put(error)
