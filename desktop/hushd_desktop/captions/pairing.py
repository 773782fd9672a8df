"""Two recordings that run at once, a microphone's and a loudspeaker's, paired sample by sample."""

from __future__ import annotations

from array import array

LEAD_S = 0.15  # that the loudspeaker is ahead: an echo that seemed to come first would never be found
PATIENCE_S = 1.0  # for samples of one recording while those of the other wait


class Pairing:
    """Puts what a loudspeaker plays beside what a microphone records: s16le at one rate, mono each.

    Both begin at nearly the same time and lose nothing. So the newest samples are put beside the newest once, and from
    then on they are only counted: however late either comes, the two never shift against each other, and the delay of
    an echo stays what it is. Clocks differ a little; once they have drifted apart for `PATIENCE_S`, or where one
    recording has stopped, the count begins anew.

    Args:
        rate: Hz.
    """

    def __init__(self, rate: int) -> None:
        self._recorded = bytearray()
        self._played = bytearray()
        self._lead = 2 * round(LEAD_S * rate)  # bytes
        self._patience = 2 * round(PATIENCE_S * rate)
        self._begun = False
        self._surplus = 0  # bytes to drop of what is played next

    def begin_anew(self) -> None:
        """Counts from the next samples on: what plays comes from another loudspeaker now."""
        self._played.clear()
        self._begun = False

    def add(self, recorded: bytes, played: bytes) -> bytes:
        """Takes what both have brought since the last call; returns the pairs that are whole, interleaved."""
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
        """Puts the newest samples of both beside each other, and then the loudspeaker's ahead of the others."""
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
