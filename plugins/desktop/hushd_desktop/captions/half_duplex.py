"""A microphone beside a loudspeaker that it hears: it counts only while the loudspeaker is silent."""

from __future__ import annotations

import math
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hushd.audio.playback_buffer import QUIET

from hushd_desktop.sound_server.monitor import Monitor

if TYPE_CHECKING:
    from hushd.audio.recording import Device

TAIL_S = 0.5  # after the loudspeaker's last sound: its latency, and what a room gives back
LATE_S = 0.2  # by which the microphone's sound is late, since the loudspeaker's may be recorded after its echo


class WatchedMonitor(Monitor):
    """A `Monitor` that knows when its loudspeaker was last heard.

    Attributes:
        sounded_s: that time, by the monotonic clock.
    """

    sounded_s = -math.inf

    def _record(self) -> bytes:
        played = super()._record()
        if max(array("h", played), key=abs, default=0) not in range(-QUIET, QUIET + 1):
            self.sounded_s = time.monotonic()
        return played


class HalfDuplexMicrophone(Iterator[bytes]):
    """Iterates over a microphone's chunks, each silent that may have the loudspeaker in it; a context manager.

    Args:
        microphone: the open device.
        chunk_s: seconds of its chunks.
        sounded_s: returns when the loudspeaker was last heard, by `clock`.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        microphone: Device,
        chunk_s: float,
        sounded_s: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._microphone = microphone
        self._sounded_s = sounded_s
        self._clock = clock
        self._late = math.ceil(LATE_S / chunk_s)  # chunks
        self._waiting: deque[tuple[float, bytes]] = deque()  # with the times when they were recorded
        self.rate = microphone.rate

    def __enter__(self) -> HalfDuplexMicrophone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        while len(self._waiting) <= self._late and (chunk := next(self._microphone, b"")):
            self._waiting.append((self._clock(), chunk))
        if not self._waiting:
            raise StopIteration
        recorded_s, chunk = self._waiting.popleft()
        return chunk if self._sounded_s() < recorded_s - TAIL_S else bytes(len(chunk))

    def stop(self) -> None:
        """Ends the iteration after the sound recorded so far. Safe in a signal handler."""
        self._microphone.stop()

    def close(self) -> None:
        """Stops recording; ends the iteration after the sound recorded so far."""
        self._microphone.close()
