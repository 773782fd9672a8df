"""A sounddevice without a device, for commands as processes (PYTHONPATH): keeps real time, and a diary of what it did.

HUSHD_DIARY names a file; each line is `pid what when`, with the clock of `time.monotonic`:
`open`, `sound` (the first block that is not silence; when it was due, since a late card catches up), `close`, and
`heard N` with the samples that were not silence.

While a file of the diary's name with `.hold` behind it exists, time passes ten times slower for a loudspeaker that
has begun to sound: a speech outlasts whatever a busy machine lets a test do meanwhile.

HUSHD_PERSON names a recording (s16le, mono, at the microphone's rate) of somebody who begins to speak when the
microphone is open and the loudspeaker of this process has been closed for half a second. HUSHD_ZEROS has the microphone
give zeros instead of a hum, as without a permission. With HUSHD_MONOLOGUE they
begin when the microphone is first opened, and speak on whether anybody records them or not.
"""

from __future__ import annotations

import io
import os
import threading
import time
from array import array
from pathlib import Path
from typing import Any

BLOCK_S = 0.01
POLITE_S = 0.5
RECORDED = 16_000  # Hz, of a monologue
speaking: set[object] = set()  # streams that are open
began: dict[str, float] = {}  # when the monologue did


class default:
    device = (0, 0)


def query_hostapis() -> list[dict[str, Any]]:
    return [{"name": "diary"}]


def query_devices() -> list[dict[str, Any]]:
    return [{"name": "diary", "hostapi": 0, "max_input_channels": 1, "max_output_channels": 2}]


class CallbackStop(Exception):
    pass


class PortAudioError(Exception):
    pass


def _note(what: str, when: float | None = None) -> None:
    with open(os.environ["HUSHD_DIARY"], "a") as diary:
        diary.write(f"{os.getpid()} {what} {time.monotonic() if when is None else when}\n")


class Card:
    """The sound card: one thread moves all open streams on, ten milliseconds at a time.

    So loudspeaker and microphone never drift against each other, however late a busy machine lets this thread run.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._streams: list[RawOutputStream | RawInputStream] = []
        self._moving: RawOutputStream | RawInputStream | None = None
        self._thread: threading.Thread | None = None
        self.due = 0.0  # when the present block is

    def open(self, stream: RawOutputStream | RawInputStream) -> None:
        with self._lock:
            self._streams.append(stream)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def close(self, stream: RawOutputStream | RawInputStream) -> None:
        """Returns once the stream will not be called any more."""
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
            if threading.current_thread() is not self._thread:
                self._lock.wait_for(lambda: stream is not self._moving)

    def _run(self) -> None:
        self.due = time.monotonic()
        while True:
            self.due += BLOCK_S
            time.sleep(max(0.0, self.due - time.monotonic()))
            if self._held():
                time.sleep(9 * BLOCK_S)
                self.due = time.monotonic()
            for stream in self._open():
                if not self._take(stream):
                    continue
                over = stream.move()
                with self._lock:
                    self._moving = None
                    if over and stream in self._streams:
                        self._streams.remove(stream)
                    self._lock.notify_all()
                if over:
                    stream.finished()
            with self._lock:
                if not self._streams:
                    self._thread = None
                    return

    def _held(self) -> bool:
        sounds = any(isinstance(stream, RawOutputStream) and stream.heard for stream in self._open())
        return sounds and os.path.exists(os.environ["HUSHD_DIARY"] + ".hold")

    def _open(self) -> list[RawOutputStream | RawInputStream]:
        """Loudspeakers first: what they play now is there when the microphone's block ends."""
        with self._lock:
            return sorted(self._streams, key=lambda stream: isinstance(stream, RawInputStream))

    def _take(self, stream: RawOutputStream | RawInputStream) -> bool:
        with self._lock:
            self._moving = stream if stream in self._streams else None
            return self._moving is not None


_card = Card()


class RawOutputStream:
    latency = 0.05

    def __init__(self, *, samplerate: int, channels: int, callback: Any, finished_callback: Any, **_: Any) -> None:
        self._frames = int(samplerate * BLOCK_S)
        self._size = self._frames * channels * 2
        self._callback = callback
        self.finished = finished_callback
        self.heard = 0

    def start(self) -> None:
        _note("open")
        speaking.add(self)
        _card.open(self)

    def close(self) -> None:
        _card.close(self)
        speaking.discard(self)
        _note(f"heard {self.heard}")
        _note("close")

    def move(self) -> bool:
        """Plays ten milliseconds; True when those were the last."""
        block = bytearray(self._size)
        try:
            self._callback(memoryview(block), self._frames, None, None)
            over = False
        except CallbackStop:
            over = True
        if any(block) and not self.heard:
            _note("sound", _card.due)
        self.heard += sum(1 for index in range(0, len(block), 2) if block[index] or block[index + 1])
        return over


class RawInputStream:
    """A microphone that hears a low hum, for ever, and the person."""

    latency = 0.0

    def __init__(self, *, samplerate: int, blocksize: int, callback: Any, **_: Any) -> None:
        self._block = (b"\0\0" if os.environ.get("HUSHD_ZEROS") else b"\1\0") * blocksize
        self._rate = samplerate
        self._person = io.BytesIO(_recording("HUSHD_PERSON"))
        self._monologue = array("h", _recording("HUSHD_MONOLOGUE"))
        self._pause = blocksize / samplerate
        self._callback = callback
        self._now = self._recorded = self._quiet = 0.0  # seconds since it was opened

    def start(self) -> None:
        _note("open")
        self._missed = time.monotonic() - began.setdefault("monologue", time.monotonic())
        _card.open(self)

    def close(self) -> None:
        _card.close(self)
        _note("close")

    def finished(self) -> None:
        """A microphone never ends by itself."""

    def move(self) -> bool:
        """Records ten milliseconds, and hands over a block when there is one."""
        self._now += BLOCK_S
        if speaking:
            self._quiet = self._now
        if self._now - self._recorded >= self._pause:
            heard = self._spoken()
            self._recorded += self._pause
            if self._recorded - self._quiet > POLITE_S:
                heard = heard or self._person.read(len(self._block))
            self._callback(heard + self._block[len(heard) :], len(self._block) // 2, None, None)
        return False

    def _spoken(self) -> bytes:
        """The next block of the monologue."""
        if not self._monologue:
            return b""
        first = round((self._missed + self._recorded) * self._rate)
        places = (number * RECORDED // self._rate for number in range(first, first + len(self._block) // 2))
        return array("h", (self._monologue[place] for place in places if place < len(self._monologue))).tobytes()


def _recording(variable: str) -> bytes:
    name = os.environ.get(variable)
    return Path(name).read_bytes() if name else b""
