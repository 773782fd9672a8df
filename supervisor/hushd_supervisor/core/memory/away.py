"""The times for which workers keep away from graphics cards, or start nowhere, as `hushd unload --for` says; pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from hushd_protocol import duration

MAX_AWAY_S = 7 * 86400.0
HELD_S = 60.0  # after which to ask again while workers keep away for as long as a program runs


class _Claim(NamedTuple):
    """Workers keep away until then; `everywhere`: from the CPU too."""

    until: float
    everywhere: bool


class Away:
    """All claims by their holder, a connection that lives or none; of each holder a later one replaces the earlier."""

    def __init__(self) -> None:
        self._claims: dict[bytes, _Claim] = {}

    def keep(self, until: float, everywhere: bool, holder: bytes = b"") -> None:
        """Has workers keep away until `until`, endless while the connection of `holder` lives."""
        self._claims[holder] = _Claim(until, everywhere)

    def release(self, holder: bytes) -> None:
        """Ends a holder's claim."""
        self._claims.pop(holder, None)

    def clear(self) -> None:
        """Ends all claims: the supervisor leaves."""
        self._claims.clear()

    def left_s(self, now: float, *, everywhere: bool = False) -> float:
        """The seconds for which no worker starts on a card, or `everywhere`; 0 if it may, endless for a program's."""
        self._claims = {holder: claim for holder, claim in self._claims.items() if now < claim.until}
        ends = (claim.until for claim in self._claims.values() if claim.everywhere or not everywhere)
        return max(ends, default=now) - now

    def retry_s(self, now: float) -> float:
        """The seconds after which to ask again."""
        return HELD_S if (left := self.left_s(now)) == math.inf else left

    def why(self, now: float) -> str:
        """Says for how long workers keep away, to be read after `workers keep away`."""
        left = self.left_s(now)
        if left == math.inf:
            return "until another program ends, as `hushd unload -- PROGRAM` says"
        return f"for another {duration.shown(math.ceil(left))}, as `hushd unload --for` says (`--for 0` ends that)"

    def deadline(self) -> float:
        """The time at which the first claim ends, `math.inf` for none."""
        return min((claim.until for claim in self._claims.values()), default=math.inf)
