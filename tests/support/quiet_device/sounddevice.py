"""A sounddevice without a device, for commands as processes (PYTHONPATH): keeps real time, and a diary of what it did.

HUSHD_DIARY names a file; each line is `pid what when`, with the clock of `time.monotonic`:
`open`, `sound` (the first block that is not silence), `close`, and `heard N` with the samples that were no silence.

HUSHD_PERSON names a recording (s16le, mono, at the microphone's rate) of somebody who begins to speak when the
microphone is open and the loudspeaker of this process has been closed for half a second.
"""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path
from typing import Any

BLOCK_S = 0.01
POLITE_S = 0.5
speaking: set[object] = set()  # streams that are open


class CallbackStop(Exception):
    pass


class PortAudioError(Exception):
    pass


def _note(what: str) -> None:
    with open(os.environ["HUSHD_DIARY"], "a") as diary:
        diary.write(f"{os.getpid()} {what} {time.monotonic()}\n")


class RawOutputStream:
    latency = 0.05

    def __init__(self, *, samplerate: int, channels: int, callback: Any, finished_callback: Any, **_: Any) -> None:
        self._frames = int(samplerate * BLOCK_S)
        self._size = self._frames * channels * 2
        self._callback = callback
        self._finished = finished_callback
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._heard = 0

    def start(self) -> None:
        _note("open")
        speaking.add(self)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        speaking.discard(self)
        _note(f"heard {self._heard}")
        _note("close")

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            block = bytearray(self._size)
            try:
                self._callback(memoryview(block), self._frames, None, None)
                stop = False
            except CallbackStop:
                stop = True
            if any(block) and not self._heard:
                _note("sound")
            self._heard += sum(1 for index in range(0, len(block), 2) if block[index] or block[index + 1])
            due += BLOCK_S
            time.sleep(max(0.0, due - time.monotonic()))
            if stop:
                self._finished()
                return


class RawInputStream:
    """A microphone that hears a low hum, for ever, and the person."""

    latency = 0.0

    def __init__(self, *, samplerate: int, blocksize: int, callback: Any, **_: Any) -> None:
        self._block = b"\1\0" * blocksize
        person = os.environ.get("HUSHD_PERSON")
        self._person = io.BytesIO(Path(person).read_bytes() if person else b"")
        self._pause = blocksize / samplerate
        self._callback = callback
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        _note("open")
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        _note("close")

    def _run(self) -> None:
        due = quiet = time.monotonic() + self._pause
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += self._pause
            if speaking:
                quiet = due
            heard = self._person.read(len(self._block)) if due - quiet > POLITE_S else b""
            self._callback(heard + self._block[len(heard) :], len(self._block) // 2, None, None)
