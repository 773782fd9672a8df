"""The recording of an open device, read by one session after the other, so that nothing is lost between two."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from hushd.audio.recording import SAMPLE_BYTES, Device
from hushd_protocol.errors import HushdError

KEPT_SAMPLES_S = 5.0  # seconds of samples that were read
OVERLAP_S = 0.64  # seconds before the end of an utterance, as the worker keeps within a session
LEAD_SHARE = 0.75  # share of the silence that ends it, where that is less


class RecentSound:
    """The latest samples of one opened device; each listener begins where it is told to.

    Several threads may read at once: that of the last listener may still wait for a chunk that belongs to the next one.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._kept = round(KEPT_SAMPLES_S * device.rate) * SAMPLE_BYTES
        self._lock = threading.Lock()  # guards the samples, and the right to wait for more
        self._samples = bytearray()
        self._origin = 0  # bytes that were recorded before them
        self._begin = 0  # sample at which the next listener begins
        self._closed = False  # whether the sound has ended
        self._failure: HushdError | None = None
        self.rate = device.rate

    @property
    def begins_s(self) -> float:
        """Seconds of audio before the point where the next listener begins."""
        return self._begin / SAMPLE_BYTES / self.rate

    def read(self) -> Iterator[bytes]:
        """Returns an iterator over the samples, from the beginning that was set last."""
        return self._read(self._begin)

    def go_on_at(self, seconds: float, silence_s: float) -> None:
        """The next listener begins where the last one ended, `seconds` after its beginning, behind a silence.

        A little before that, in the silence: there the next utterance may have begun softly.
        """
        lead = min(OVERLAP_S, LEAD_SHARE * silence_s)
        self._begin = min(self._end, self._begin + max(0, round((seconds - lead) * self.rate)) * SAMPLE_BYTES)

    def go_back(self, seconds: float) -> None:
        """The next listener begins so many seconds ago, but not before the last one did."""
        self._begin = max(self._begin, self._end - round(seconds * self.rate) * SAMPLE_BYTES)

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
        self._closed = not chunk  # the other readers see it, too
        return chunk
