"""The memory reserve: when the supervisor itself runs out of memory, it costs one request and not the supervisor.

Any call of the loop can raise `MemoryError`. The loop then gives up a reserve of address space, which costs no memory
until it is written to, and reports each failed action as an event (`failure`). No event is lost: a request is answered
with `server_busy`, and any other event is passed to the pool again later.

Half a decision of the pool could not be undone. So each turn of the loop first checks that there is room for decisions;
if that was still too little, the supervisor ends with an error, and clients repeat their requests at the next one.
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

RESERVE = 4 << 20  # bytes: several of the arenas in which Python takes memory from the system
ROOM = 2 << 20  # bytes that the decisions of a turn may take
AGAIN_S = 0.1  # until a deferred event is passed to the pool again
RETRY_MS = 1000
BUSY = HushdError("server_busy", "hushd itself has no memory left: end other programs, or ask again.", RETRY_MS)
BROKEN = HushdError(
    "server_busy",
    "hushd ran out of memory in the middle of a decision and ends: ask again, and another supervisor starts.",
)
_REASON = "no memory is left"


class Reserve:
    """Address space that is given up when memory is short, and taken again later.

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
        """Gives the reserve up, and logs that, if it was held."""
        was_held, self._held = self._held is not None, None
        try:
            gc.collect()
            if was_held:
                self._record("error", "no memory is left for the supervisor itself")
        except MemoryError:
            pass  # no memory even for the log

    def hold(self) -> None:
        """Takes the reserve again, if that leaves enough room."""
        try:
            if self._held is None and _is_free(RESERVE + ROOM):
                self._held = bytes(RESERVE)
        except MemoryError:
            pass

    def makes_room(self) -> bool:
        """Returns whether there is room for decisions; gives the reserve up if need be."""
        if not _is_free(ROOM):
            self.spend()
            return _is_free(ROOM)
        return True


def _is_free(size: int) -> bool:
    """Returns whether `size` bytes can be mapped: by our address space, and by the system's limit of commitments."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return False
    return True


def failure(action: a.Action) -> Outcome | None:
    """Returns the event or answer that reports a failed action; None if its failure does no harm."""
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
        case a.Relieve():
            return e.Relieved()
        case a.ReportStatus(route, name) | a.Configure(route, name) | a.Listen(route, name):
            return a.ToClient(route, Error.of(name, BUSY))
    return None


def refused(event: e.Event) -> a.ToClient | None:
    """Returns the answer that refuses an event; None if the event must be passed to the pool later instead."""
    match event:
        case e.FromClient(route, Request(id=name) | Control(id=name) | Claim(id=name)):
            return a.ToClient(route, Error.of(name, BUSY))
    return None
