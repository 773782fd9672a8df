"""Playing raw audio, heard to its end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from hushd_protocol.errors import HushdError

from . import audio_device
from .audio_device import STARVED_S

LATENCY_S = 0.1  # of the device; with less, a busy machine makes the speech crack
AHEAD_S = 2.0  # of audio given to the device's thread; the rest stays where it comes from


def play(chunks: Iterable[bytes], rate: int, channels: int = 1, device: str | int | None = None) -> None:
    """Plays s16le samples at `rate` Hz as they come; returns when the last one was heard.

    Raises:
        HushdError: `no_device` when there is no loudspeaker or it goes away; and what `chunks` raises.
    """
    sounddevice = audio_device.load()
    feed = _Feed(sounddevice.CallbackStop)
    with audio_device.naming("loudspeaker", "`say -o FILE` writes a file instead"):
        stream = sounddevice.RawOutputStream(
            samplerate=rate,
            channels=channels,
            dtype="int16",
            device=device,
            latency=LATENCY_S,
            callback=feed.callback,
            finished_callback=feed.heard.set,
        )
    try:
        stream.start()
        limit = int(AHEAD_S * rate * channels * 2)
        for chunk in chunks:
            feed.add(chunk, limit)
        feed.finish()
    finally:
        if not feed.lost:  # to close a device that hangs takes more than a minute
            stream.close()  # what has not been heard is dropped: after Ctrl-C there is silence at once


class _Feed:
    """Audio on its way to the device: `callback` runs on the device's thread, the rest on the caller's.

    Each counter has one writer, so that the device's thread never waits for a lock.
    """

    def __init__(self, stop: type[Exception]) -> None:
        self._stop = stop
        self._chunks: deque[memoryview] = deque()
        self._added = 0  # bytes
        self._taken = 0  # bytes
        self._ended = False
        self._moved = threading.Event()
        self.heard = threading.Event()
        self.lost = False

    def callback(self, output: Any, frames: int, time: Any, status: Any) -> None:
        """Fills `output`, with silence where the speech is not ready yet."""
        filled, size = 0, len(output)
        while filled < size and self._chunks:
            chunk = self._chunks[0]
            count = min(len(chunk), size - filled)
            output[filled : filled + count] = bytes(chunk[:count])
            filled += count
            if count == len(chunk):
                self._chunks.popleft()
            else:
                self._chunks[0] = chunk[count:]
        self._taken += filled
        over = self._ended and not self._chunks
        output[filled:size] = bytes(size - filled)
        self._moved.set()
        if over:
            raise self._stop  # the device plays what it has, then calls `heard.set`

    def add(self, chunk: bytes, limit: int) -> None:
        """Adds audio once less than `limit` bytes wait."""
        self._wait_until(lambda: self._added - self._taken <= limit)
        self._chunks.append(memoryview(chunk))
        self._added += len(chunk)

    def finish(self) -> None:
        """Waits until all of it was heard."""
        self._ended = True
        self._wait_until(lambda: self._taken == self._added)
        if not self.heard.wait(STARVED_S + AHEAD_S):
            raise self._lose()

    def _wait_until(self, true: Callable[[], bool]) -> None:
        self._moved.clear()  # before the look, so that a callback after it is not missed
        while not true():
            if not self._moved.wait(STARVED_S):
                raise self._lose()
            self._moved.clear()

    def _lose(self) -> HushdError:
        self.lost = True
        return audio_device.lost("loudspeaker")
