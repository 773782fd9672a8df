"""Programs that had devices when their supervisor left.

They go on meanwhile, and claim the devices from the next supervisor, which reserves them until then: otherwise a faster
program would talk over speech that is still playing.
"""

from __future__ import annotations

from typing import NamedTuple

KEPT_FOR_S = 2.0  # from the next supervisor's start; a program claims again within 0.1 s, and later on a busy machine


class Holder(NamedTuple):
    """A program and its devices."""

    pid: int
    devices: frozenset[str]


class Bequest(NamedTuple):
    """The holders of a supervisor that has left, and until when their devices are reserved for them."""

    holders: tuple[Holder, ...] = ()
    until: float = 0.0

    def without(self, pid: int) -> Bequest:
        """The remaining bequest, once this program has claimed again."""
        return Bequest(tuple(holder for holder in self.holders if holder.pid != pid), self.until)

    def has(self, pid: int, devices: frozenset[str], now: float) -> bool:
        """Returns whether these devices are reserved for a program."""
        return now < self.until and any(holder.pid == pid and devices <= holder.devices for holder in self.holders)

    def devices(self, now: float) -> set[str]:
        """The reserved devices."""
        return {device for holder in self.holders for device in holder.devices if now < self.until}


NOBODY = Bequest()
