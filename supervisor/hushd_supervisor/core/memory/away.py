"""The times for which workers keep away from the cards, or from the machine, for other programs; pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from hushd_protocol import duration

MAX_AWAY_S = 7 * 86400.0
HELD_S = 60.0  # seconds after which workers that keep away for as long as a program runs are asked for again


class _Absence(NamedTuple):
    """Workers keep away until then; `everywhere`: from the CPU too."""

    until: float
    everywhere: bool


class Away:
    """The times for which workers keep away from cards, or start nowhere, as `hushd unload --for` says.
    One for each connection that lives, and one for all others; a later one replaces the earlier."""

    def __init__(self) -> None:
        self._absences: dict[bytes, _Absence] = {}

    def keep(self, until: float, everywhere: bool, route: bytes = b"") -> None:
        """Has workers keep away until `until`, endless while the connection `route` lives."""
        self._absences[route] = _Absence(until, everywhere)

    def release(self, route: bytes) -> None:
        """Ends that of a connection."""
        self._absences.pop(route, None)

    def clear(self) -> None:
        """Ends all of them: the supervisor leaves."""
        self._absences.clear()

    def left_s(self, now: float, *, everywhere: bool = False) -> float:
        """The seconds for which no worker starts on a card, or `everywhere`; 0 if it may, endless for a program's."""
        self._absences = {route: absence for route, absence in self._absences.items() if now < absence.until}
        ends = (absence.until for absence in self._absences.values() if absence.everywhere or not everywhere)
        return max(ends, default=now) - now

    def retry_s(self, now: float) -> float:
        """The seconds after which to ask again."""
        return HELD_S if (left := self.left_s(now)) == math.inf else left

    def why(self, now: float) -> str:
        """Says for how long workers keep away, to be read after `workers keep away`."""
        left = self.left_s(now)
        if left == math.inf:
            return "until another program ends, which has asked for that"
        return f"for another {duration.shown(math.ceil(left))}, as `hushd unload --for` says (`--for 0` ends that)"

    def deadline(self) -> float:
        """The time at which the first one ends, `math.inf` for none."""
        return min((absence.until for absence in self._absences.values()), default=math.inf)
