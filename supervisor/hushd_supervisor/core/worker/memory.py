"""A worker's part of the shared memory: what has kept its last process from it, its wait for it, and its departure.

Admission (`core/memory/admission.py`) decides which worker starts where, and which leave for it.
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


class Setback(NamedTuple):
    """The reasons that have kept the last process of a worker from its memory, until another one is ready.

    Attributes:
        failures: the loads that have failed for lack of memory, one after the other; `message` is the last one's
            sentence, and `on_card` says that a graphics card's memory was short, not the machine's.
        evicted: whether other workers were asked to leave for a second try.
        cpu_reason: the reason why the next process must start on the CPU; empty if it need not.
    """

    failures: int = 0
    message: str = ""
    on_card: bool = False
    evicted: bool = False
    cpu_reason: str = ""


NO_SETBACK = Setback()


class WorkerMemory:
    """The memory of one worker, from waiting for it to giving it back.

    Attributes:
        setback: what has kept its last process from its memory; `NO_SETBACK` once a process has loaded.
    """

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs, outbox: Outbox, card_kinds: CardKinds) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._outbox = outbox
        self._card_kinds = card_kinds
        self.setback = NO_SETBACK

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

    def idle_s(self, now: float) -> float | None:
        """The seconds for which it has rested; None if the process may not be ended for others, since it is pinned, or
        works for a client, or one waits for it."""
        state, waiting = self._lifecycle.state, self._jobs.waiting
        runs_only_cancelled = state is State.BUSY and not (self._jobs.running.uncancelled or waiting)
        may_leave = (state is State.READY or runs_only_cancelled) and not self._lifecycle.settings.pinned
        return self._lifecycle.idle_s(now) if may_leave else None

    # --- setbacks ------------------------------------------------------------------------------------------------

    def request_came(self) -> None:
        """Takes a request: a worker without a process tries again, whatever kept the last one from its memory."""
        if self._lifecycle.state is State.STOPPED:
            self.setback = NO_SETBACK

    def not_loaded(self, message: str, on_card: bool) -> None:
        """Notes that memory was short for a load."""
        failures, cpu_reason = self.setback.failures + 1, self.setback.cpu_reason
        self.setback = Setback(failures, message, on_card, cpu_reason=cpu_reason)

    def died(self, death: Death) -> None:
        """Has the next process start on the CPU, where that may take over, if the card seems to have failed."""
        card_failed = death.card_failed or (death.by_signal and self.on_card)
        if card_failed and self._lifecycle.settings.compute_device == "auto":
            why = f"the card failed ({death.exit})" if death.by_signal else "the card failed"
            self.setback = self.setback._replace(cpu_reason=why)

    # --- the start -----------------------------------------------------------------------------------------------

    def admit(self, now: float, place: Place = ANYWHERE) -> list[Action]:
        """Starts the process that waits for memory, at `place`."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.start(now, place, self._jobs.timings.completed)
        return self._outbox.flush()

    def help(self, now: float, place: Place) -> list[Action]:
        """Starts a process for which no request waits yet: to help busy replicas, or for one that will come."""
        self.request_came()
        self._lifecycle.wait(now)
        return self.admit(now, place)

    def waits_until(self, limit_s: float) -> float:
        """The time at which the start has waited for memory for `limit_s` seconds, `math.inf` if it waits for none."""
        return self._lifecycle.waits_since + limit_s if self._lifecycle.state is State.WAITING else math.inf

    def first_waits_until(self, limit_s: float) -> float:
        """The time at which its first request has waited for memory for `limit_s` seconds."""
        return max(self.waits_until(limit_s), min(request.arrived for request in self._jobs.waiting) + limit_s)

    def wait_for_others(self, now: float, note: str) -> list[Action]:
        """Goes on waiting, since others may give memory; tells the clients whenever the `note` about that changes."""
        if self._lifecycle.state is State.WAITING:
            for request in self._jobs.waiting if self._lifecycle.wait_on(now, note) else ():
                self._jobs.report_position(request, "starting", now, note)
        return self._outbox.flush()

    def refuse(self, now: float, error: HushdError, patience_s: float = 0.0) -> list[Action]:
        """Refuses the requests that have waited for memory for `patience_s` seconds; without others gives up the
        start."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.wait_on(now)
            since = self._lifecycle.waits_since
            for request in [each for each in self._jobs.waiting if max(each.arrived, since) + patience_s <= now]:
                self._jobs.queue.remove(request)
                self._jobs.fail(request, error.code, error.message, error.retry_after_ms)
            if not self._jobs.waiting:
                self.setback = Setback(cpu_reason=self.setback.cpu_reason)
                self._lifecycle.end(now)
        return self._outbox.flush()

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
