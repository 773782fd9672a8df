"""Memory that is not there while the supervisor itself works: nothing ends by it but the request that it befalls.

A `MemoryError` can come out of every call of the loop. The loop then gives up a reserve of address space, which costs
no memory while nobody writes to it, and says for each action what its failure means. An event is never lost: a request
is answered with `server_busy`, everything else is told to the pool once more.

Half a decision of the pool could not be taken back. So none is begun without room for it, for which the loop looks in
each turn; and where that was not enough, the supervisor ends with a sentence: its clients repeat their requests at the
next one.
"""

from __future__ import annotations

import gc
import mmap
from collections.abc import Callable

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Control, Error, Request

from hushd_supervisor.core import actions as a
from hushd_supervisor.core import events as e

from .source import Outcome

RESERVE = 4 << 20  # bytes: several of the stretches in which Python takes memory from the system
ROOM = 2 << 20  # bytes that the decisions of a turn may take
AGAIN_S = 0.1  # before an event is told once more
RETRY_MS = 1000
BUSY = HushdError("server_busy", "hushd itself has no memory left: end other programs, or ask again.", RETRY_MS)
BROKEN = HushdError(
    "server_busy",
    "No memory was left in the middle of a decision, so this supervisor ends: ask again, and another starts.",
)
_REASON = "no memory is left"


class Reserve:
    """Address space that is given up when memory is short, and taken again when it is there.

    Args:
        record: writes to the supervisor's log (level, text).
    """

    def __init__(self, record: Callable[[str, str], None]) -> None:
        self._record = record
        self._held: bytes | None = bytes(RESERVE)  # never touched: no page of it is resident

    @property
    def spent(self) -> bool:
        return self._held is None

    def spend(self) -> None:
        """Makes room for what comes next, and says so in the log, once for each time that it was there."""
        first, self._held = self._held is not None, None
        try:
            gc.collect()
            if first:
                self._record("error", "no memory is left for the supervisor itself")
        except MemoryError:
            pass  # without a word

    def hold(self) -> None:
        """Takes the reserve again, if it can be had and leaves room."""
        try:
            if self._held is None and _is_free(RESERVE + ROOM):
                self._held = bytes(RESERVE)
        except MemoryError:
            pass

    def makes_room(self) -> bool:
        """Returns whether there is room for decisions, for which the reserve is given up if need be."""
        if not _is_free(ROOM):
            self.spend()
            return _is_free(ROOM)
        return True


def _is_free(size: int) -> bool:
    """Returns whether so many bytes could be had: of address space, and of what the system lets programs promise."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return False
    return True


def failure(action: a.Action) -> Outcome | None:
    """Returns what it means that an action was not carried out; None where that harms nobody."""
    match action:
        case a.Spawn(worker, gen):
            return e.SpawnFailed(worker, gen, _REASON, starved=True)
        case a.ToWorker(worker, gen):
            return e.SendFailed(worker, gen)
        case a.ToClient(route):
            return e.ClientGone(route)
        case a.Prepare(name, gen):
            return e.TemplateGone(name, gen, _REASON)
        case a.Describe(role):
            return e.Described(role, error=_REASON)
        case a.Look():
            return e.Seen(error=_REASON)
        case a.AskNeighbour(question, _, neighbour, model):
            return e.FromNeighbour(question, neighbour, model, error=_REASON)
        case a.ReportStatus(route, name) | a.Configure(route, name) | a.Listen(route, name):
            return a.ToClient(route, Error.of(name, BUSY))
    return None


def refused(event: e.Event) -> a.ToClient | None:
    """Returns the answer to an event that the pool could not take; None where it must be told once more."""
    match event:
        case e.FromClient(route, Request(id=name) | Control(id=name) | Claim(id=name)):
            return a.ToClient(route, Error.of(name, BUSY))
    return None
