"""Limits concurrent requests by address; the programs of this machine have one limit together."""

from __future__ import annotations

from collections import Counter

from hushd_protocol.hosts import is_loopback
from starlette.types import Scope


class ConcurrencyLimit:
    """Limits the concurrent requests of one kind.

    Args:
        local: the limit for the programs of this machine.
        foreign: the limit for one address of another machine.
    """

    def __init__(self, local: int, foreign: int) -> None:
        self._local = local
        self._foreign = foreign
        self._counts: Counter[str] = Counter()

    def enter(self, scope: Scope) -> str | None:
        """Counts a request and returns its address for `leave`; None if there are too many."""
        address = (scope.get("client") or ("", 0))[0]
        is_local = not address or is_loopback(address.removeprefix("::ffff:"))
        if self._counts[address] >= (self._local if is_local else self._foreign):
            return None
        self._counts[address] += 1
        return address

    def leave(self, address: str) -> None:
        """Uncounts a request."""
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]
