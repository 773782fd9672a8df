"""Pairs two simultaneous recordings, a microphone's and a loudspeaker's, sample by sample."""

from __future__ import annotations

from array import array

LEAD_S = 0.15  # the loudspeaker's lead: an echo that seemed to come first would never be found
PATIENCE_S = 1.0  # to wait for samples of one recording while the other has some


class Pairing:
    """Pairs a microphone's samples with a loudspeaker's: mono s16le at the same rate.

    Both start at nearly the same time and lose no samples. So the newest samples of both are aligned once, and from
    then on only counted: however late either arrives, the two never shift, and an echo's delay stays constant. Clocks
    differ a little; once they have drifted apart by `PATIENCE_S`, or one recording has stopped, they are aligned anew.

    Args:
        rate: Hz.
    """

    def __init__(self, rate: int) -> None:
        self._recorded = bytearray()
        self._played = bytearray()
        self._lead = 2 * round(LEAD_S * rate)  # bytes
        self._patience = 2 * round(PATIENCE_S * rate)
        self._begun = False
        self._surplus = 0  # bytes of the next loudspeaker samples to drop

    def begin_anew(self) -> None:
        """Aligns anew from the next samples on, since another loudspeaker is recorded now."""
        self._played.clear()
        self._begun = False

    def add(self, recorded: bytes, played: bytes) -> bytes:
        """Takes the new samples of both; returns the complete pairs, interleaved."""
        self._recorded += recorded
        self._played += played
        if played and not self._begun:
            self._begin()
        dropped = min(self._surplus, len(self._played))
        del self._played[:dropped]
        self._surplus -= dropped
        pairs = self._take(min(len(self._recorded), len(self._played)))
        if len(self._recorded) > self._patience:
            pairs += self._take(len(self._recorded))
            self.begin_anew()
        elif len(self._played) > self._patience:
            self.begin_anew()
        return pairs

    def _begin(self) -> None:
        """Aligns the newest samples of both, then gives the loudspeaker its lead."""
        missing = len(self._recorded) - len(self._played)
        self._played[:0] = bytes(max(0, missing))
        self._surplus = max(0, -missing) + self._lead
        self._begun = True

    def _take(self, size: int) -> bytes:
        pairs = array("h", bytes(2 * size))
        pairs[::2] = array("h", bytes(self._recorded[:size]))
        pairs[1::2] = array("h", bytes(self._played[:size]).ljust(size, b"\0"))
        del self._recorded[:size]
        del self._played[:size]
        return pairs.tobytes()
