"""Counts requests under way by address; where that is this machine's, a crowd is counted by program."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hushd_protocol.hosts import is_loopback
from hushd_protocol.system.programs import Programs
from starlette.types import Scope

Keys = tuple[str, ...]


class Crowd:
    """One kind of work.

    Args:
        local: at once of one program of this machine, and of all of them where the kernel does not tell them apart.
        foreign: at once of one address of another machine.
    """

    def __init__(self, local: int, foreign: int) -> None:
        self._local = local
        self._foreign = foreign
        self._here: Counter[str] = Counter()
        self._programs = Programs()

    def enter(self, scope: Scope) -> Keys | None:
        """Counts one, and returns what `leave` needs; None where there are too many."""
        peer = scope.get("client") or ("", 0)
        address = peer[0]
        keys: Keys = (address,)
        is_local = not address or is_loopback(address.removeprefix("::ffff:"))
        # A program has a quarter before it is looked for, which costs some time.
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
        """Counts one less."""
        self._here.subtract(keys)
        for key in keys:
            if not self._here[key]:
                del self._here[key]

    def _program(self, peer: Any, scope: Scope) -> str:
        return self._programs.find_by_ends([(peer, scope.get("server"))])[0]
