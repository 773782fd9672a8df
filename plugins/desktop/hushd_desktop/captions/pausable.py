"""A microphone that is closed while paused; silence replaces its sound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from hushd.audio.recording import Closing, Device

_MAX_CHUNK_S = 1.0  # seconds of silence in a chunk for a late reader


class Silence(Closing, Iterator[bytes]):
    """Iterates over chunks of silence in real time, like a microphone in a silent room.

    Args:
        rate: Hz.
        chunk_s: seconds of a chunk.
        clock: returns the time in seconds.
    """

    def __init__(self, rate: int, chunk_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._chunk_s = chunk_s
        self._clock = clock
        self._begun_s = clock()
        self._samples = 0  # read so far
        self._end_s: float | None = None
        self._ended = threading.Event()

    def __next__(self) -> bytes:
        while self._due < self._chunk_s * self.rate and not self._ended.wait(self._chunk_s):
            pass
        if chunk := self.read():
            return chunk
        raise StopIteration

    def read(self) -> bytes:
        """Returns the silence since the last call; never blocks."""
        count = min(self._due, round(_MAX_CHUNK_S * self.rate))
        self._samples += count
        return bytes(2 * count)

    def stop(self) -> None:
        """Ends the iteration after the silence so far. Safe in a signal handler."""
        if self._end_s is None:
            self._end_s = self._clock()
        self._ended.set()

    close = stop

    @property
    def _due(self) -> int:
        now = self._clock() if self._end_s is None else self._end_s
        return round((now - self._begun_s) * self.rate) - self._samples


class PausableMicrophone(Closing, Iterator[bytes]):
    """Iterates over chunks of a microphone that can be closed and reopened; a context manager.

    The reader gets the sound before a pause, silence for as long as the pause lasts, then the sound after it. So times
    stay correct.

    Args:
        chunk_s: seconds of a chunk of silence.

    Raises:
        HushdError: as `open_microphone` and the device.
    """

    def __init__(self, open_microphone: Callable[[], Device], chunk_s: float) -> None:
        self._open = open_microphone
        self._chunk_s = chunk_s
        self._sources = [open_microphone()]  # the current source, then the next ones
        self._stopped = False
        self.rate = self._sources[0].rate

    def __next__(self) -> bytes:
        while True:
            try:
                return next(self._sources[0])
            except StopIteration:
                if len(self._sources) == 1:
                    raise
                del self._sources[0]

    def pause(self) -> None:
        """Closes the device, if it is open. Must not run at the same time as `resume`."""
        if not isinstance(self._sources[-1], Silence):
            self._go_on_with(Silence(self.rate, self._chunk_s))

    def resume(self) -> None:
        """Reopens the device, if it is closed."""
        if isinstance(self._sources[-1], Silence) and not self._stopped:
            self._go_on_with(self._open())

    def stop(self) -> None:
        """Ends the iteration after the sound recorded so far. Safe in a signal handler."""
        self._stopped = True
        for source in tuple(self._sources):
            source.stop()

    def close(self) -> None:
        """Stops recording; ends the iteration after the sound recorded so far."""
        self._stopped = True
        for source in tuple(self._sources):
            source.close()

    def _go_on_with(self, source: Device) -> None:
        self._sources.append(source)  # added first, so that the reader never sees an end
        self._sources[-2].close()
        if self._stopped:
            source.close()
