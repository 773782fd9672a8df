"""The samples of a loudspeaker, aligned with those that a microphone records meanwhile."""

from __future__ import annotations

import threading
from array import array

KEPT_S = 1.0  # of samples that were played and not taken
MARGIN_S = 0.04  # to spare, so that a device that is late once does not shift the two against each other


class EchoReference:
    """The samples given to one loudspeaker, for the microphone beside it: s16le, mono, at one rate.

    The latencies of both devices are unknown, but constant while both run: so the delay between the two is some
    constant. It changes where the loudspeaker had to wait for samples.

    Safe for two threads at once, those of the devices.

    Attributes:
        rate: Hz.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._samples = bytearray()
        self._playing = False
        self._begun = False  # the microphone has been given something of it
        self._kept = int(KEPT_S * rate) * 2  # bytes
        self._margin = int(MARGIN_S * rate) * 2  # bytes

    def play(self, samples: bytes | None) -> None:
        """Takes the samples that the loudspeaker plays; None: it has been closed."""
        with self._lock:
            if samples is None:
                self._playing = False
                return
            if not self._playing:
                self._playing, self._begun = True, False
                self._samples.clear()
            self._samples += samples

    def beside(self, recorded: bytes) -> bytes:
        """Returns `recorded` with the samples played meanwhile as its second channel."""
        both = array("h", bytes(2 * len(recorded)))
        both[::2] = array("h", recorded)
        both[1::2] = array("h", self._take(len(recorded)))
        return both.tobytes()

    def _take(self, size: int) -> bytes:
        with self._lock:
            spare = len(self._samples) - size
            if self._playing:
                if not self._begun or spare > self._kept:
                    del self._samples[: max(0, spare - self._margin)]
                self._begun = spare >= 0
            taken = bytes(self._samples[:size])
            del self._samples[:size]
        return taken + bytes(size - len(taken))
