"""The recording of an open device, read by one listener after the other, so that nothing is lost between two; and its
last seconds, with readers of whom none waits for another.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Protocol
from weakref import WeakSet

from hushd_protocol.errors import HushdError

FRAME = 2  # bytes of a sample
KEPT_S = 5.0  # of samples that were read
LEAD_S = 0.64  # before the end of an utterance, as the worker keeps within a session
LEAD_SHARE = 0.75  # of the silence that ends it, where that is less


class Device(Protocol):
    """An open device that iterates over chunks of s16le samples.

    Attributes:
        rate: Hz.
    """

    rate: int

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...

    def __next__(self) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class Recording:
    """The latest samples of one opened device; each listener begins where it is told to.

    Several threads may read at once: that of the last listener may still wait for a chunk that belongs to the next one.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._kept = round(KEPT_S * device.rate) * FRAME
        self._lock = threading.Lock()  # of the samples, and of the right to wait for more
        self._samples = bytearray()
        self._origin = 0  # bytes that were recorded before them
        self._begin = 0  # where the next listener begins
        self._closed = False  # or at its end
        self._failure: HushdError | None = None
        self.rate = device.rate

    @property
    def begins_s(self) -> float:
        """Seconds of audio before the point where the next listener begins."""
        return self._begin / FRAME / self.rate

    def read(self) -> Iterator[bytes]:
        """Returns an iterator over the samples, from the beginning that was set last."""
        return self._read(self._begin)

    def go_on_at(self, seconds: float, silence_s: float) -> None:
        """The next listener begins where the last one ended, `seconds` after its beginning, behind a silence.

        A little before that, in the silence: there the next utterance may have begun softly.
        """
        lead = min(LEAD_S, LEAD_SHARE * silence_s)
        self._begin = min(self._end, self._begin + max(0, round((seconds - lead) * self.rate)) * FRAME)

    def go_back(self, seconds: float) -> None:
        """The next listener begins so many seconds ago, but not before the last one did."""
        self._begin = max(self._begin, self._end - round(seconds * self.rate) * FRAME)

    def close(self) -> None:
        """Ends the recording and its reader."""
        self._closed = True
        self._device.close()

    @property
    def _end(self) -> int:
        return self._origin + len(self._samples)

    def _read(self, position: int) -> Iterator[bytes]:
        while chunk := self._after(position):
            position = max(position, self._origin) + len(chunk)
            yield chunk

    def _after(self, position: int) -> bytes:
        """Returns the sound recorded after `position`, once there is some; nothing after the microphone was closed."""
        with self._lock:
            if position >= self._end:
                self._samples += self._next()
            if len(self._samples) > 2 * self._kept:
                surplus = len(self._samples) - self._kept
                del self._samples[:surplus]
                self._origin += surplus
            return bytes(self._samples[max(0, position - self._origin) :])

    def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            return b""
        try:
            chunk = next(self._device, b"")
        except HushdError as error:
            self._failure = error
            raise
        self._closed = not chunk  # for the other readers, too
        return chunk


class Chunks(Iterator[bytes]):
    """Iterates over the chunks that another thread puts, until they are stopped or fail; both last."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes | HushdError | None] = queue.SimpleQueue()

    def __next__(self) -> bytes:
        chunk = self._chunks.get()
        if isinstance(chunk, HushdError):
            self.fail(chunk)  # for the next call, too
            raise chunk
        if chunk is None:
            self._chunks.put(None)
            raise StopIteration
        return chunk

    def put(self, chunk: bytes) -> None:
        """Adds a chunk."""
        self._chunks.put(chunk)

    def fail(self, error: HushdError) -> None:
        """Ends the iteration with `error`, after the sound recorded until now."""
        self._chunks.put(error)

    def stop(self) -> None:
        """Ends the iteration after the sound recorded until now. Safe in a signal handler."""
        self._chunks.put(None)


KEPT_S = 10.0  # for who wants to hear what was said after a word, and is busy for a moment


class Ring:
    """Reads a device on a thread of its own, and closes it at its end; gives each reader all that comes after its
    beginning.

    A reader that is forgotten gets nothing more. `rate` is the device's, in Hz.

    Args:
        kept_s: seconds that are kept, at least; twice as many at most.
    """

    def __init__(self, device: Device, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self.rate = device.rate
        self._device = device
        self._samples = bytearray()
        self._origin = 0  # bytes that were recorded before them
        self._lock = threading.Lock()
        self._readers: WeakSet[Chunks] = WeakSet()
        self._end: HushdError | None = None
        self._ended = False
        threading.Thread(target=self._run, name="hushd-ring", daemon=True).start()

    @property
    def now(self) -> float:
        """Seconds recorded so far."""
        with self._lock:
            return (self._origin + len(self._samples)) / FRAME / self.rate

    @property
    def begins_s(self) -> float:
        """The second of the recording from which on it is kept."""
        return self._origin / FRAME / self.rate

    def reader(self, since_s: float = 0.0, lead_s: float = 0.0) -> Chunks:
        """Returns an iterator over the samples from a second of the recording on, as far back as they are kept.

        Args:
            lead_s: seconds of silence before them.
        """
        chunks = Chunks()
        if lead_s:
            chunks.put(bytes(round(lead_s * self.rate) * FRAME))
        with self._lock:
            begin = max(self._origin, round(since_s * self.rate) * FRAME)
            if past := bytes(self._samples[begin - self._origin :]):
                chunks.put(past)
            if self._ended:
                self._finish(chunks)
            else:
                self._readers.add(chunks)
        return chunks

    def last(self, seconds: float) -> bytes:
        """Returns the samples of the last `seconds`, as far back as they are kept."""
        with self._lock:
            return bytes(self._samples[-round(seconds * self.rate) * FRAME :])

    def _run(self) -> None:
        error = None
        try:
            with self._device:
                for chunk in self._device:
                    self._add(chunk)
        except HushdError as failure:
            error = failure
        with self._lock:
            self._ended, self._end = True, error
            for reader in self._readers:
                self._finish(reader)

    def _add(self, chunk: bytes) -> None:
        room = round(self._kept_s * self.rate) * FRAME
        with self._lock:
            self._samples += chunk
            if len(self._samples) > 2 * room:
                surplus = len(self._samples) - room
                del self._samples[:surplus]
                self._origin += surplus
            for reader in self._readers:
                reader.put(chunk)

    def _finish(self, reader: Chunks) -> None:
        if self._end:
            reader.fail(self._end)
        else:
            reader.stop()
