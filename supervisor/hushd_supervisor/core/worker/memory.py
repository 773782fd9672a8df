"""A worker's part of the shared memory: its wait for it, and its departure for others.

Admission (`core/memory/admission.py`) decides which worker starts where, and which leave for it; a `WorkerMemory`
carries that out for one worker, and remembers what keeps it from its memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from hushd_protocol.cards import ANY_KIND, is_card
from hushd_protocol.errors import HushdError

from hushd_supervisor.core.actions import Action, Outbox

from .crashes import Death
from .jobs import Jobs
from .lifecycle import Lifecycle
from .process import ANYWHERE, Place
from .states import State

CardKinds = Callable[[str], tuple[str, ...]]
NextMove = Callable[[float], None]


class LoadShortage(NamedTuple):
    """A load that failed for lack of memory: it is tried again once idle workers have left, then perhaps on the CPU.

    Attributes:
        message: the process's sentence about the shortage.
        on_card: whether a graphics card's memory is short, not the machine's.
        final: whether it was the second try.
        evicted: whether other workers were asked to leave for a second try.
    """

    message: str
    on_card: bool = False
    final: bool = False
    evicted: bool = False


class WorkerMemory:
    """The memory of one worker, from waiting for it to giving it back.
    `next_move`: has the worker make its next move."""

    def __init__(
        self, lifecycle: Lifecycle, jobs: Jobs, outbox: Outbox, next_move: NextMove, card_kinds: CardKinds
    ) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._next_move = next_move
        self._outbox = outbox
        self._card_kinds = card_kinds
        self._shortage: LoadShortage | None = None
        self._cpu_reason = ""

    @property
    def shortage(self) -> LoadShortage | None:
        """The last load, if it failed for lack of memory."""
        return self._shortage

    @property
    def cpu_reason(self) -> str:
        """The reason why the next process must start on the CPU; empty if it need not."""
        return self._cpu_reason

    # --- the card ------------------------------------------------------------------------------------------------

    @property
    def card_kinds(self) -> tuple[str, ...]:
        """The kinds of graphics cards that its engine may be able to use; all kinds for an unknown program."""
        return ANY_KIND if self._lifecycle.settings.command else self._card_kinds(self._lifecycle.name)

    @property
    def on_card(self) -> bool:
        """True if the process computes on a graphics card, or was started to."""
        process, settings = self._lifecycle.process, self._lifecycle.settings
        if process.card or process.kind:
            return bool(process.card) or is_card(process.kind)
        return is_card(process.place.device or settings.compute_device) and bool(self.card_kinds)

    @property
    def _may_leave_card(self) -> bool:
        """True if the CPU may take over from a card."""
        return self._lifecycle.settings.compute_device == "auto"

    def idle_s(self, now: float) -> float | None:
        """The seconds for which it has rested; None if the process may not be ended for others, since it is pinned, or
        works for a client, or one waits for it."""
        state, waiting = self._lifecycle.state, self._jobs.waiting
        runs_only_cancelled = state is State.BUSY and not (self._jobs.running.uncancelled or waiting)
        may_leave = (state is State.READY or runs_only_cancelled) and not self._lifecycle.settings.pinned
        return self._lifecycle.idle_s(now) if may_leave else None

    def request_came(self) -> None:
        """Takes a request: a worker without a process tries again, whatever kept the last one from its memory."""
        if self._lifecycle.state is State.STOPPED:
            self.loaded()

    def loaded(self) -> None:
        """Takes the end of a load: nothing has kept this process from its memory."""
        self._shortage, self._cpu_reason = None, ""

    def not_loaded(self, message: str, on_card: bool) -> None:
        """Notes that memory was short for a load; at the second time it is not tried again."""
        self._shortage = LoadShortage(message, on_card, final=self._shortage is not None)

    def asked_others(self) -> None:
        """Notes that others were asked to leave for a second load."""
        self._shortage = self._shortage and self._shortage._replace(evicted=True)

    def died(self, death: Death) -> None:
        """Has the next process start on the CPU, where that may take over, if the card seems to have failed."""
        if (death.card_failed or (death.by_signal and self.on_card)) and self._may_leave_card:
            self._cpu_reason = f"the card failed ({death.exit})" if death.by_signal else "the card failed"

    # --- the start -----------------------------------------------------------------------------------------------

    def admit(self, now: float, place: Place = ANYWHERE, need: int = 0) -> list[Action]:
        """Starts the process that waits for memory, on the device of `place`, where it needs `need` bytes."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.start(now, place, self._cpu_reason, need, self._jobs.timings.completed)
        return self._outbox.flush()

    def help(self, now: float, place: Place, need: int = 0) -> list[Action]:
        """Starts a process for which no request waits yet: to help busy replicas, or for one that will come."""
        self._lifecycle.wait(now)
        return self.admit(now, place, need)

    # --- no room -------------------------------------------------------------------------------------------------

    def refuse(self, now: float, error: HushdError) -> list[Action]:
        """Gives up the wait for memory: there is none, and no worker can leave for it."""
        if self._lifecycle.state is State.WAITING:
            self._jobs.fail_waiting(error.code, error.message, error.retry_after_ms)
            self._lifecycle.end(now)
        return self._outbox.flush()

    def waits_until(self, limit_s: float) -> float:
        """The time at which the start has waited for memory for `limit_s` seconds, `math.inf` if it waits for none."""
        return self._lifecycle.waits_since + limit_s if self._lifecycle.state is State.WAITING else math.inf

    def memory_wait_deadline(self, limit_s: float) -> float:
        """The time at which the first request has waited for memory for `limit_s` seconds."""
        return max(self.waits_until(limit_s), min(request.arrived for request in self._jobs.waiting) + limit_s)

    def keep_waiting(self, now: float, limit_s: float, message: str, retry_after_ms: int) -> list[Action]:
        """Delays the start further; refuses the requests that have waited for `limit_s` seconds."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.wait_on(now)
            since = self._lifecycle.waits_since
            for request in [each for each in self._jobs.waiting if max(each.arrived, since) + limit_s <= now]:
                self._jobs.queue.remove(request)
                self._jobs.fail(request, "server_busy", message, retry_after_ms)
            if not self._jobs.waiting:
                self._lifecycle.end(now)
        return self._outbox.flush()

    def wait_for_others(self, now: float, note: str) -> list[Action]:
        """Goes on waiting, since others may give memory; tells the clients whenever the `note` about that changes."""
        if self._lifecycle.state is State.WAITING:
            for request in self._jobs.waiting if self._lifecycle.wait_on(now, note) else ():
                self._jobs.report_position(request, "starting", now, note)
        return self._outbox.flush()

    def abandon_start(self, now: float, error: HushdError, on_card: bool = False) -> list[Action]:
        """Gives up the start for lack of memory.

        Args:
            on_card: whether a card's memory is lacking. Then a start on the CPU, if allowed, goes on waiting for
                memory.
        """
        self._shortage = None
        if on_card and not self._cpu_reason and self._may_leave_card:
            self._cpu_reason = "the card had no memory for it"
            return self._outbox.flush()
        return self.refuse(now, error)

    # --- room for others -----------------------------------------------------------------------------------------

    def evict(self, now: float) -> list[Action]:
        """Leaves if it is idle, whatever its leases say, since its memory is needed."""
        if self.idle_s(now) is not None:
            why = "makes room, and drops a cancelled job" if self._jobs.running else "makes room"
            if self._lifecycle.state is State.READY:
                self._lifecycle.ask_to_leave(now, why)
            else:
                self._lifecycle.kill(now, why, "INFO", expected=True)
        return self._outbox.flush()
