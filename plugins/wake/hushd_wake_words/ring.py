"""The last seconds of an open device, with readers of whom none waits for another."""

from __future__ import annotations

import threading
from weakref import WeakSet

from hushd.audio.recording import SAMPLE_BYTES, Chunks, Device
from hushd_protocol.errors import HushdError

# Kept at least, and twice as much at most: for who wants to hear what was said after a word, and is busy for a moment.
RING_S = 10.0


class Ring:
    """Reads a device on a thread of its own, and closes it at its end; gives each reader all that comes after its
    beginning.
    A reader that is forgotten gets nothing more. `rate` is the device's, in Hz."""

    def __init__(self, device: Device) -> None:
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
            return (self._origin + len(self._samples)) / SAMPLE_BYTES / self.rate

    @property
    def begins_s(self) -> float:
        """The second of the recording from which on it is kept."""
        return self._origin / SAMPLE_BYTES / self.rate

    def reader(self, since_s: float = 0.0, lead_s: float = 0.0) -> Chunks:
        """Returns an iterator over the samples from a second of the recording on, as far back as they are kept.
        `lead_s`: seconds of silence before them."""
        chunks = Chunks()
        if lead_s:
            chunks.put(bytes(round(lead_s * self.rate) * SAMPLE_BYTES))
        with self._lock:
            begin = max(self._origin, round(since_s * self.rate) * SAMPLE_BYTES)
            if past := bytes(self._samples[begin - self._origin :]):
                chunks.put(past)
            if self._ended:
                self._finish(chunks)
            else:
                self._readers.add(chunks)
        return chunks

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
        room = round(RING_S * self.rate) * SAMPLE_BYTES
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
