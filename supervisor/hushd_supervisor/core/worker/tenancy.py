"""A worker's part in the shared memory: its wait for room, and its departure when others need the room.

Admission (`core/memory/admission.py`) decides which worker starts where, and which leave for it; a `Tenancy` carries
that out for one worker, and remembers what keeps it from its memory.
"""

from __future__ import annotations

from hushd_protocol.cards import is_card
from hushd_protocol.errors import HushdError

from hushd_supervisor.core.actions import Action

from .assignment import ANYWHERE, Assignment
from .jobs import Jobs
from .lifecycle import Lifecycle
from .outbox import Outbox
from .request import ActiveRequest
from .shortage import Shortage
from .states import State


class Tenancy:
    """The memory of one worker, from waiting for it to giving it back.

    Attributes:
        shortage: the last load, if it failed for lack of memory.
        displaced: requests for the fall-back worker to take over; the fleet hands them on.
        cpu_reason: the reason why the next process must start on the CPU; empty if it need not.
    """

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs, outbox: Outbox) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._outbox = outbox
        self.shortage: Shortage | None = None
        self.displaced: list[ActiveRequest] = []
        self.cpu_reason = ""

    @property
    def may_leave_card(self) -> bool:
        """True if the settings let the CPU take over from a card."""
        settings = self._lifecycle.settings
        return settings.fallback == "cpu" or (settings.compute_device == "auto" and not settings.fallback)

    @property
    def unheard(self) -> bool:
        """True if the process only works on cancelled jobs, and no request waits for it."""
        return self._lifecycle.state is State.BUSY and not (self._jobs.running.uncancelled or self._jobs.waiting)

    def forget(self) -> None:
        """Forgets what kept earlier processes from their memory: the next one tries again."""
        self.shortage, self.cpu_reason = None, ""

    # --- the start -----------------------------------------------------------------------------------------------

    def admit(self, now: float, assignment: Assignment = ANYWHERE, compute_device: str = "") -> list[Action]:
        """Starts the process that waits for memory, on the device of `assignment`."""
        if self._lifecycle.state is State.WAITING:
            device = self._jobs.queue.device_asked(now) or compute_device
            self._lifecycle.start(now, assignment, device, self.cpu_reason)
            self._jobs.begin(self._lifecycle.gen)
        return self._outbox.take()

    def help(self, now: float, assignment: Assignment, compute_device: str) -> list[Action]:
        """Starts a process to help busy replicas; no request waits at this one yet."""
        self._lifecycle.wait(now)
        return self.admit(now, assignment, compute_device)

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
            if note != self._lifecycle.hope:
                self._lifecycle.hope = note
                for request in self._jobs.waiting:
                    self._jobs.report_position(request, "starting", now, note)
        return self._outbox.take()

    def lack(self, now: float, error: HushdError, on_card: bool = False) -> list[Action]:
        """Passes the requests to the fall-back of the settings for lack of memory, or gives up the start.

        Args:
            on_card: whether a card's memory is lacking. Then a start on the CPU, if allowed, goes on waiting for
                memory; whoever named the card gets it or an error, unless the settings name the CPU.
        """
        fallback, self.shortage = self._lifecycle.settings.fallback, None
        named = is_card(self._jobs.queue.device_asked(now)) and fallback != "cpu"
        if on_card and not self.cpu_reason and self.may_leave_card and not named:
            self.cpu_reason = "the card had no memory for it"
            return self._outbox.take()
        if fallback not in ("", "cpu"):
            self.displaced = self._jobs.displace()
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
