"""Limits concurrent requests by address; on this machine's own addresses, by program."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hushd_protocol.hosts import is_loopback
from hushd_protocol.system.programs import Programs
from starlette.types import Scope

Keys = tuple[str, ...]


class ConcurrencyLimit:
    """Limits the concurrent requests of one kind.

    Args:
        local: the limit for one program of this machine, or for all of them if the kernel does not tell them apart.
        foreign: the limit for one address of another machine.
    """

    def __init__(self, local: int, foreign: int) -> None:
        self._local = local
        self._foreign = foreign
        self._here: Counter[str] = Counter()
        self._programs = Programs()

    def enter(self, scope: Scope) -> Keys | None:
        """Counts a request and returns its keys for `leave`; None if there are too many."""
        peer = scope.get("client") or ("", 0)
        address = peer[0]
        keys: Keys = (address,)
        is_local = not address or is_loopback(address.removeprefix("::ffff:"))
        # Up to a quarter of the limit the program is not looked for, which costs some time.
        if is_local and self._here[address] >= self._local // 4 and (program := self._program(peer, scope)):
            keys = address, f"program {program}"
            is_full = self._here[keys[1]] >= self._local - self._local // 4
        else:
            is_full = self._here[address] >= (self._local if is_local else self._foreign)
        if is_full:
            return None
        self._here.update(keys)
        return keys

    def leave(self, keys: Keys) -> None:
        """Uncounts a request."""
        self._here.subtract(keys)
        for key in keys:
            if not self._here[key]:
                del self._here[key]

    def _program(self, peer: Any, scope: Scope) -> str:
        return self._programs.find_by_ends([(peer, scope.get("server"))])[0]
