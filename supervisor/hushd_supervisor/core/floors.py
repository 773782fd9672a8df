"""The floors of all machines: each has its own loudspeaker and microphone, and so its own floor."""

from __future__ import annotations

from collections import defaultdict

from .actions import Action
from .floor import Floor
from .holders import NOBODY, Bequest, Holder
from .machines import machine


class Floors:
    """A floor for this machine, and one for each other machine whose programs have asked for it.

    Args:
        bequest: the holders of the supervisor before this one.
    """

    def __init__(self, bequest: Bequest = NOBODY) -> None:
        self._floors: defaultdict[str, Floor] = defaultdict(Floor)
        self._floors |= {host: Floor(bequest.of(host)) for host in {"", *(holder.host for holder in bequest.holders)}}
        self._here = self._floors[""]
        self._closed = False

    def of(self, route: bytes) -> Floor:
        """The floor of a client's machine."""
        if not (name := machine(route)):
            return self._here
        floor = self._floors[name]
        if self._closed:
            floor.shut(0.0)  # it has no claim yet that could end by this
        return floor

    def deadline(self) -> float:
        """The time at which `on_time` is due; `math.inf` for never."""
        return min(floor.deadline() for floor in self._floors.values())

    def on_time(self, now: float) -> list[Action]:
        """Acts on the deadlines of any of them that have passed."""
        due = [floor for floor in self._floors.values() if floor.deadline() <= now]
        return [action for floor in due for action in floor.on_time(now)]

    def excuse(self, late: float, now: float) -> None:
        """Takes `late` seconds, in which the supervisor pinged and heard nobody, out of every lease."""
        for floor in self._floors.values():
            floor.excuse(late, now)

    @property
    def busy(self) -> bool:
        """True if any client that answers has a claim."""
        return any(floor.busy for floor in self._floors.values())

    def shut(self, now: float) -> list[Action]:
        """Refuses new claims, and those that wait: the supervisor is leaving."""
        self._closed = True
        return [action for floor in self._floors.values() for action in floor.shut(now)]

    def holders(self) -> tuple[Holder, ...]:
        """The programs that have devices."""
        return tuple(holder for host, floor in self._floors.items() for holder in floor.holders(host))

    def close(self) -> list[Action]:
        """Ends every claim: the supervisor leaves now."""
        return [action for floor in self._floors.values() for action in floor.close()]
