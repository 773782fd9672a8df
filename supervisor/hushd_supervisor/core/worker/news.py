"""The news of a worker's processes: what a living one sends, that it cannot be reached, and how it ended."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_protocol.errors import CODES, HushdError
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY

from hushd_supervisor.core.actions import Action, Outbox

from .crashes import COOLDOWN_S, CRASH_SIGNALS, FELLED, STARVED, Crashes, Death, describe_exit, is_felled
from .dispatch import Dispatcher
from .jobs import Jobs
from .leases import Leases
from .lifecycle import WATCHED, Lifecycle
from .request import ENDINGS, ActiveRequest
from .room import WorkerRoom
from .states import State

STARVED_RETRY_MS = 1000


class News:
    """Decides what follows from a process's news; news of an earlier generation is dropped.

    Attributes:
        compute_device, why_there: where the last process that became ready computes, and why, from its capabilities.
        confined: whether that process has given up what it does not need.
        verdict: the code and message for requests that are refused while the worker is closed.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        jobs: Jobs,
        leases: Leases,
        dispatch: Dispatcher,
        room: WorkerRoom,
        crashes: Crashes,
        outbox: Outbox,
    ) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._leases = leases
        self._dispatch = dispatch
        self._room = room
        self._crashes = crashes
        self._outbox = outbox
        self.compute_device = self.why_there = ""
        self.confined = False
        self.verdict = ("worker_failed", "")

    def spawned(self, gen: int, now: float) -> None:
        """Notes that the process of generation `gen` runs."""
        if self._lifecycle.is_current(gen):
            self._lifecycle.spawned(now)

    def receive(self, gen: int, message: m.Message, now: float) -> list[Action]:
        """Handles a message of generation `gen`."""
        if not self._lifecycle.is_current(gen):
            return []
        self._lifecycle.receive(message, now)
        match message:
            case m.Chunk() | m.Partial() | m.Progress() | m.Credit() | m.Result() | m.Error():
                self._answer(message.id, message, now)
            case m.Ready() if self._lifecycle.state is State.STARTING:
                self._loaded(message, now)
            case m.LoadFailed() if self._lifecycle.state is State.STARTING:
                self._not_loaded(message, now)
            case m.Beat():
                wear = self._lifecycle.process.wear
                self._jobs.running.spend(wear.spent(message.cpu_s))
                if wear.has_worked(message.cpu_s):
                    self._jobs.running.touch(now)
                self._dispatch.watch(now)
                self._dispatch.recycle(now)
            case m.Bye():
                if self._lifecycle.state is State.READY:
                    self._lifecycle.log("WARNING", f"{self._lifecycle.name} leaves unasked")
                    self._lifecycle.leaves(now)
                self._lifecycle.send(m.Bye())
        return self._outbox.take()

    def unreachable(self, gen: int, now: float) -> list[Action]:
        """Kills the process: a message for it could not be sent, or it sent garbage."""
        reachable = (State.STARTING, State.READY, *WATCHED)
        if gen == self._lifecycle.gen and self._lifecycle.state in reachable:
            self._lifecycle.kill(now)
        return self._outbox.take()

    def start_postponed(self, gen: int, reason: str, now: float) -> list[Action]:
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

    def exited(
        self,
        gen: int,
        status: int,
        log_tail: str,
        now: float,
        out_of_memory: bool | None = False,
        stopped: bool = False,
        scarce: bool = False,
    ) -> list[Action]:
        """Handles the exit of generation `gen`; everything that it had sent was received before.
        `scarce`: whether memory is critically short, so that a program that watches it may have ended the process."""
        if not self._lifecycle.is_current(gen):
            return []
        state, process = self._lifecycle.state, self._lifecycle.process
        crashed = -status in CRASH_SIGNALS
        felled = is_felled(status, process.killed, bool(out_of_memory), stopped)
        death = Death(
            self._lifecycle.name,
            state,
            describe_exit(status, process.killed, None if scarce else out_of_memory, stopped),
            log_tail,
            process.start_timed_out,
            short=status == EXIT_NO_MEMORY or (felled and scarce),
            card_failed=status == EXIT_CARD_FAILED or (crashed and self._lifecycle.on_card),
            by_signal=crashed,
            felled=felled,
        )
        ready_for = self._lifecycle.exited(now)
        if process.expected or state is State.SUSPENDED or (state is State.READY and status == 0):
            self._left(now)
        else:
            self._crashed(death, ready_for, now)
        return self._outbox.take()

    # --- inside: messages ----------------------------------------------------------------------------------------

    def _loaded(self, ready: m.Ready, now: float) -> None:
        """Takes the capabilities that the process reports; kills it if they are malformed."""
        from hushd_schema.results import Capabilities  # imported once there is a worker

        try:
            capabilities = Capabilities.from_data(ready.capabilities, f"The capabilities of {self._lifecycle.name}")
        except HushdError as error:
            self._lifecycle.log("ERROR", error.message)
            self._lifecycle.kill(now)
            return
        self._jobs.queue.declare(ready.slots, ready.sessions, ready.aside)
        self.compute_device, self.why_there = capabilities.compute_device, capabilities.why_there
        self.confined = capabilities.confined
        where = {"compute_device": self.compute_device, "why_there": self.why_there}
        self._dispatch.located(where if self.why_there else {})
        self._room.forget()
        self._crashes.started()
        kind, suspends, leave_s = capabilities.compute_device, capabilities.suspends, capabilities.leave_s
        self._lifecycle.become_ready(ready, kind, now, suspends, leave_s)
        self._leases.use("", None, now)
        self._dispatch.settle(now)

    def _not_loaded(self, failed: m.LoadFailed, now: float) -> None:
        """Refuses the waiting requests, unless memory was short: then admission decides."""
        if failed.code == "server_busy" and self._jobs.waiting:
            self._room.not_loaded(failed.message, failed.on_card)
        else:
            self._jobs.fail_waiting(failed.code if failed.code in CODES else "worker_failed", failed.message)
        self._lifecycle.leaves(now)

    def _answer(self, request_id: bytes, message: m.Message, now: float) -> None:
        """Passes a message of the process to the client of a running request."""
        request = self._jobs.running.get(request_id)
        if request is None:  # the request may have ended while the message was on its way
            return
        unheard = request.done
        if not self._jobs.receive(request, message, now):
            self._lifecycle.log("ERROR", f"{self._lifecycle.name} sends without credit")
            if self._lifecycle.state in WATCHED:
                self._lifecycle.kill(now)
        elif request.id not in self._jobs.running:  # the request has ended, or is to be repeated
            if unheard:
                self._leases.worked(now)
            elif request.done:
                self._dispatch.lease(request, now)
            self._dispatch.settle(now)

    # --- inside: ends --------------------------------------------------------------------------------------------

    def _left(self, now: float) -> None:
        """Handles an exit that was asked for, or that an idle process chose by itself."""
        down = self._dispatch.down
        code = "shutting_down" if down else "worker_stopped"
        for request in self._jobs.running.lose():
            self._jobs.repeat_or_fail(request, now, not down, HushdError(code, ENDINGS[code]))
        self._dispatch.stop(now)

    def _crashed(self, death: Death, ready_for: float, now: float) -> None:
        """Ends or repeats the lost requests; then pauses, closes the worker, or stops if no request waits."""
        self._lifecycle.log("ERROR", f"{death.name} died: {death.cause}")
        self._lifecycle.died(death.start_timed_out or death.cause)
        lost = self._jobs.running.lose()
        starting = death.state is State.STARTING or bool(death.start_timed_out)
        if death.felled and starting:
            self._crashes.fell()
        elif death.start_timed_out:
            self._crashes.stall()
        elif not death.felled:
            self._crashes.add(now, frozenset(request.key for request in lost), ready_for)
        explained = [self._end_lost(request, death, now, alone=len(lost) == 1) for request in lost]
        self.verdict = death.verdict(bool(lost))
        if death.card_failed:
            self._room.card_failed(f"the card failed ({death.exit})" if death.by_signal else "the card failed")
        blameless = death.felled and not starting
        if self._dispatch.down or self._dispatch.held or any(explained) or blameless:
            self._dispatch.stop(now)
        elif self._crashes.too_many():
            self._lifecycle.enter(State.FAILED, now + COOLDOWN_S)
            self._jobs.fail_waiting(*self.verdict, retry_after_ms=self._lifecycle.retry_ms(now))
        else:
            self._lifecycle.enter(State.BACKOFF, now + self._crashes.next_delay())

    def _end_lost(self, request: ActiveRequest, death: Death, now: float, *, alone: bool) -> bool:
        """Ends or repeats a request that ran; True if it explains the crash, which is its second.
        `alone`: whether no other request can be the culprit."""
        if death.felled:
            request.fell(short=death.short)
            if request.starved >= STARVED and alone and not request.ending:
                self._jobs.finish(request, m.Error.of(request.id, death.last_word()))
                return False
            ended = f"{death.name} was ended from outside of hushd under this request ({death.cause}): ask again."
            repeat, detail = not self._dispatch.down and request.felled < FELLED, death.detail | {"from_outside": True}
            self._jobs.repeat_or_fail(request, now, repeat, HushdError("worker_crashed", ended, detail=detail))
            return False
        request.died(self._crashes)
        second = len(request.killed) + request.message.attempt >= 2 and not request.ending
        if second:
            for crashes in request.killed:  # one for each replica that it ran on
                crashes.explain(request.key)
        if second and alone:
            self._jobs.finish(request, m.Error.of(request.id, death.last_word()))
        else:
            died = f"{death.name} died under this request ({death.cause})."
            repeat = not self._dispatch.down and len(request.killed) < 2
            self._jobs.repeat_or_fail(request, now, repeat, HushdError("worker_crashed", died, detail=death.detail))
        return second
