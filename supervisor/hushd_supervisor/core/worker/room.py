"""A worker's room in the shared memory: its wait for it, its way off a card and back, and its departure for others.

Admission (`core/memory/admission.py`) decides which worker starts where, and which leave for it; a `WorkerRoom`
carries that out for one worker, and remembers what keeps it from its memory.

An idle process on a card is suspended: the card is free within seconds, and the next request has the process back in
about one. If it cannot be had back in time, it is ended and another started, so that no request is lost.
"""

from __future__ import annotations

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

from hushd_supervisor.core.actions import Action, Outbox

from .dispatch import Dispatcher
from .jobs import Jobs
from .lifecycle import Lifecycle
from .process import ANYWHERE, COMING, GOING, Place
from .states import State


@dataclass(slots=True)
class Shortage:
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


class WorkerRoom:
    """The memory of one worker, from waiting for it to giving it back.

    Attributes:
        shortage: the last load, if it failed for lack of memory.
        cpu_reason: the reason why the next process must start on the CPU; empty if it need not.
    """

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs, dispatch: Dispatcher, outbox: Outbox) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._dispatch = dispatch
        self._outbox = outbox
        self.shortage: Shortage | None = None
        self.cpu_reason = ""

    @property
    def may_leave_card(self) -> bool:
        """True if the CPU may take over from a card."""
        return self._lifecycle.settings.compute_device == "auto"

    @property
    def unheard(self) -> bool:
        """True if the process only works on cancelled jobs, and no request waits for it."""
        return self._lifecycle.state is State.BUSY and not (self._jobs.running.uncancelled or self._jobs.waiting)

    def forget(self) -> None:
        """Forgets what kept earlier processes from their memory: the next one tries again."""
        self.shortage, self.cpu_reason = None, ""

    def not_loaded(self, message: str, on_card: bool) -> None:
        """Notes that memory was short for a load; at the second time it is not tried again."""
        self.shortage = Shortage(message, on_card, final=self.shortage is not None)

    def asked_others(self) -> None:
        """Notes that others were asked to leave for a second load."""
        if self.shortage is not None:
            self.shortage.evicted = True

    def card_failed(self, why: str) -> None:
        """Has the next process start on the CPU, where that may take over."""
        if self.may_leave_card:
            self.cpu_reason = why

    # --- the start -----------------------------------------------------------------------------------------------

    def admit(self, now: float, place: Place = ANYWHERE, need: int = 0) -> list[Action]:
        """Starts the process that waits for memory, on the device of `place`, where it needs `need` bytes."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.start(now, place, self.cpu_reason, need)
            self._jobs.begin(self._lifecycle.gen)
        return self._outbox.take()

    def help(self, now: float, place: Place) -> list[Action]:
        """Starts a process to help busy replicas; no request waits at this one yet."""
        self._lifecycle.wait(now)
        return self.admit(now, place)

    # --- no room -------------------------------------------------------------------------------------------------

    def refuse(self, now: float, error: HushdError) -> list[Action]:
        """Gives up the wait for memory: there is none, and no worker can leave for it."""
        if self._lifecycle.state is State.WAITING:
            self._jobs.fail_waiting(error.code, error.message, error.retry_after_ms)
            self._lifecycle.end(now)
        return self._outbox.take()

    def patient_until(self, patience: float) -> float:
        """The time at which the first request has waited for memory for `patience` seconds."""
        since = self._lifecycle.waits_since
        return min(max(request.arrived, since) + patience for request in self._jobs.waiting)

    def hold_back(self, now: float, patience: float, message: str, retry_after_ms: int) -> list[Action]:
        """Delays the start further; refuses the requests that have waited for `patience` seconds."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.wait_on(now)
            since = self._lifecycle.waits_since
            for request in [t for t in self._jobs.waiting if max(t.arrived, since) + patience <= now]:
                self._jobs.queue.remove(request)
                self._jobs.fail(request, "server_busy", message, retry_after_ms)
            if not self._jobs.waiting:
                self._lifecycle.end(now)
        return self._outbox.take()

    def hope(self, now: float, note: str) -> list[Action]:
        """Goes on waiting, since others may give memory; tells the clients whenever the `note` about that changes."""
        if self._lifecycle.state is State.WAITING:
            self._lifecycle.wait_on(now)
            if self._lifecycle.hopes(note):
                for request in self._jobs.waiting:
                    self._jobs.report_position(request, "starting", now, note)
        return self._outbox.take()

    def abandon_start(self, now: float, error: HushdError, on_card: bool = False) -> list[Action]:
        """Gives up the start for lack of memory.

        Args:
            on_card: whether a card's memory is lacking. Then a start on the CPU, if allowed, goes on waiting for
                memory.
        """
        self.shortage = None
        if on_card and not self.cpu_reason and self.may_leave_card:
            self.cpu_reason = "the card had no memory for it"
            return self._outbox.take()
        return self.refuse(now, error)

    # --- room for others -----------------------------------------------------------------------------------------

    def evict(self, now: float) -> list[Action]:
        """Leaves if it is idle, whatever its leases say, since its memory is needed."""
        name, pinned = self._lifecycle.name, self._lifecycle.settings.pinned
        if self._lifecycle.state is State.READY and not pinned:
            self._lifecycle.log("INFO", f"{name} makes room")
            self._lifecycle.leave(now)
        elif self._lifecycle.state is State.SUSPENDED and not (pinned or self._jobs.waiting):
            self._lifecycle.log("INFO", f"{name} makes room")
            self._lifecycle.kill(now, expected=True)
        elif self.unheard and not pinned:
            self._lifecycle.log("INFO", f"{name} makes room, and drops a cancelled job")
            self._lifecycle.kill(now, expected=True)
        return self._outbox.take()

    def suspend(self, now: float) -> list[Action]:
        """Has the idle process leave its card, whatever its rest still lasts: others need the room."""
        self._lifecycle.log("INFO", f"{self._lifecycle.name} leaves its card")
        self._lifecycle.suspend(now)
        return self._outbox.take()

    # --- off the card, and back ----------------------------------------------------------------------------------

    @property
    def wanted_back(self) -> bool:
        """True if the process is suspended, and requests wait for it."""
        return self._lifecycle.off_card and bool(self._jobs.waiting)

    def suspended(self, gen: int, error: str, lost: bool, now: float) -> list[Action]:
        """Takes the answer to `Suspend`."""
        if not self._is_in(GOING, gen):
            return []
        if not error:
            self._lifecycle.process.went()
            return self._outbox.take()
        self._lifecycle.log("WARNING", f"{self._lifecycle.name} cannot be suspended, and ends when idle: {error}")
        self._lifecycle.refuse_suspension()
        if lost:
            self._lifecycle.kill(now, expected=True)
        else:
            self._lifecycle.restored()
            self._dispatch.settle(now)
        return self._outbox.take()

    def restore(self, now: float) -> list[Action]:
        """Has the process come back: its card has room."""
        self._lifecycle.restore(now)
        return self._outbox.take()

    def restored(self, gen: int, error: str, now: float) -> list[Action]:
        """Takes the answer to `Restore`; a process that did not come back is ended."""
        if not self._is_in(COMING, gen):
            return []
        if error:
            self._lifecycle.log("WARNING", f"{self._lifecycle.name} did not come back to its card: {error}")
            self._lifecycle.kill(now, expected=True)
        else:
            self._lifecycle.restored()
            self._dispatch.settle(now)
        return self._outbox.take()

    def give_up(self, now: float) -> list[Action]:
        """Ends the suspended process: there is no room where it would go."""
        where = "the machine" if self._lifecycle.process.phase == GOING else "its card"
        self._lifecycle.log("INFO", f"{self._lifecycle.name} ends, since {where} has no room for it")
        self._lifecycle.kill(now, expected=True)
        return self._outbox.take()

    def _is_in(self, phase: str, gen: int) -> bool:
        lifecycle = self._lifecycle
        return lifecycle.is_current(gen) and lifecycle.state is State.SUSPENDED and lifecycle.process.phase == phase
