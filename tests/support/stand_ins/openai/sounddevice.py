"""A sounddevice for the helpers of OpenAI's package: streams call back in a thread, as fast as they can.

What is played is written to the file `played`; the microphone hears `meeting.wav`, then silence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile

FRAMES = 2400


class CallbackStop(Exception):
    """Raised by a callback that has nothing more to play, or has recorded enough."""


class _Stream:
    def __init__(self, callback: Callable[..., None], dtype: Any, samplerate: int, channels: int) -> None:
        self._callback = callback
        self._block = np.zeros((FRAMES, channels), dtype)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._work()
            except CallbackStop:
                return

    def _work(self) -> None:
        raise NotImplementedError


class OutputStream(_Stream):
    """A loudspeaker."""

    def _work(self) -> None:
        self._callback(self._block, FRAMES, None, None)
        with open("played", "ab") as file:
            file.write(self._block.tobytes())


class InputStream(_Stream):
    """A microphone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        samples, rate = soundfile.read("meeting.wav", dtype="int16")
        places = np.arange(0, len(samples), rate / options["samplerate"]).astype(int)
        self._sound = samples[places].reshape(-1, 1)

    def _work(self) -> None:
        block, self._sound = self._sound[:FRAMES], self._sound[FRAMES:]
        if not len(block):
            self._ended.wait(0.1)
            block = self._block[:1]
        self._callback(block, len(block), None, None)
