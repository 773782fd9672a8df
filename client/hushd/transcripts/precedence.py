"""The precedence of live sessions over second passes, where there is no memory for both models.

A copy is read when its session has ended. Who speaks then is not to wait for it, and less so to be refused: the copies
of this process stop reading, the larger model leaves, and what they have not read waits for the end of the session. The
sound of both is kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from weakref import WeakSet

from hushd_protocol.errors import HushdError

T = TypeVar("T")

AGAIN_S = 0.5  # between two attempts at a session that was refused
PATIENCE_S = 30.0  # of those: a larger model ends within seconds


class Copy(Protocol):
    """A second pass."""

    def give_way(self) -> bool:
        """Ends the reading under way, until `go_on`; returns whether there is one."""

    def go_on(self) -> None:
        """Reads again."""


_guard = threading.Lock()
_copies: WeakSet[Copy] = WeakSet()


def register(copy: Copy) -> None:
    """Has `copy` give way when a live session needs its memory."""
    with _guard:
        _copies.add(copy)


def admitted(session: Callable[[], T]) -> T:
    """Runs a live session; where it is refused, and a copy gives way to it, runs it again. The copies go on after it.

    Args:
        session: begins anew with the same sound.

    Raises:
        HushdError: what ended it.
    """
    waited_s = 0.0
    try:
        while True:
            try:
                return session()
            except HushdError as error:
                if not given(error, waited_s):
                    raise
            time.sleep(AGAIN_S)
            waited_s += AGAIN_S
    finally:
        go_on()


def given(error: HushdError, waited_s: float) -> bool:
    """Returns whether a session that was refused by `error` is to be tried again, since a copy gives way to it.

    Args:
        waited_s: how long it has been tried.
    """
    if error.code != "server_busy" or waited_s >= PATIENCE_S:
        return False
    gave_way = [copy.give_way() for copy in _all()]
    return any(gave_way)


def go_on() -> None:
    """Has the copies read again, since a session has ended."""
    for copy in _all():
        copy.go_on()


def _all() -> list[Copy]:
    with _guard:
        return list(_copies)
