"""The exits of a worker's processes: the fate of the requests, and whether and when another process starts."""

from __future__ import annotations

from hushd_protocol.errors import HushdError

from hushd_supervisor.core.actions import Action

from .crashes import COOLDOWN_S, Crashes
from .death import Death
from .dispatch import Dispatcher
from .jobs import ENDINGS, Jobs
from .lifecycle import Lifecycle
from .outbox import Outbox
from .states import State
from .tenancy import Tenancy

STARVED_RETRY_MS = 1000


class Exits:
    """Decides what follows from the end of each process.

    Attributes:
        verdict: the code and message for requests that are refused while the worker is closed.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        jobs: Jobs,
        dispatch: Dispatcher,
        tenancy: Tenancy,
        crashes: Crashes,
        outbox: Outbox,
    ) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._dispatch = dispatch
        self._tenancy = tenancy
        self._crashes = crashes
        self._outbox = outbox
        self.verdict = ("worker_failed", "")

    def starve(self, gen: int, reason: str, now: float) -> list[Action]:
        """Refuses the waiting requests: no process could be started, through no fault of the worker."""
        if not self._lifecycle.is_current(gen):
            return []
        name = self._lifecycle.name
        self._lifecycle.exited(now)
        self._lifecycle.log("WARNING", f"{name} cannot be started now: {reason}")
        if not self._dispatch.held:
            message = f"{name} cannot be started now ({reason}): ask again in a moment."
            self._jobs.fail_waiting("server_busy", message, STARVED_RETRY_MS)
        self._dispatch.stop(now)
        return self._outbox.take()

    def exited(self, gen: int, status: int, log_tail: str, now: float, out_of_memory: bool = False) -> list[Action]:
        """Handles the exit of generation `gen`; everything that it had sent was received before."""
        if not self._lifecycle.is_current(gen):
            return []
        death = Death.of(self._lifecycle.name, self._lifecycle, status, log_tail, out_of_memory)
        ready_for = self._lifecycle.exited(now)
        idle = death.state is State.SUSPENDED or (death.state is State.READY and status == 0)
        if self._lifecycle.expected or idle:
            self._leave(now)
        else:
            self._crash(death, ready_for, now)
        return self._outbox.take()

    # --- inside --------------------------------------------------------------------------------------------------

    def _leave(self, now: float) -> None:
        """Handles an exit that was asked for, or that an idle process chose by itself."""
        down = self._dispatch.down
        code = "shutting_down" if down else "worker_stopped"
        for request in self._jobs.running.lose():
            self._jobs.repeat_or_fail(request, now, not down, HushdError(code, ENDINGS[code]))
        self._dispatch.stop(now)

    def _crash(self, death: Death, ready_for: float, now: float) -> None:
        """Ends or repeats the lost requests; then pauses, closes the worker, or stops if no request waits."""
        self._lifecycle.log("ERROR", f"{death.name} died: {death.cause}")
        self._lifecycle.failure = death.start_timed_out or death.cause
        lost = self._jobs.running.lose()
        if death.start_timed_out:
            self._crashes.stall()
        else:
            self._crashes.add(now, frozenset(request.key for request in lost), ready_for)
        explained = death.end_lost(lost, self._jobs, self._crashes, now, repeat=not self._dispatch.down)
        self.verdict = death.verdict(bool(lost))
        if death.card_failed and self._tenancy.may_leave_card:
            self._tenancy.cpu_reason = f"the card failed ({death.exit})" if death.by_signal else "the card failed"
        if self._dispatch.down or self._dispatch.held or explained:
            self._dispatch.stop(now)
        elif self._crashes.too_many():
            self._lifecycle.enter(State.FAILED, now + COOLDOWN_S)
            self._jobs.fail_waiting(*self.verdict, retry_after_ms=self._lifecycle.retry_ms(now))
        else:
            self._lifecycle.enter(State.BACKOFF, now + self._crashes.next_delay())
