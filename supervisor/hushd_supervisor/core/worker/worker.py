"""One worker: who is given to it, what follows from what it says, and what its death means.

A `Worker` is told what happened and the time, and returns what is to be done; it never acts, waits or looks at a
clock. Its states and the ways between them are `states.TRANSITIONS`; how it moves there is its `Life`.
"""

from __future__ import annotations

import math

from hushd_protocol import messages as m
from hushd_protocol.errors import CODES, HushdError

from hushd_supervisor.core.actions import Action

from .crashes import COOLDOWN_S, describe_exit, last_line
from .lifecycle import BEAT_S, CPU_S, GRACE_S, ROOM_S, RUNS, Life, ceiling
from .request import Ticket
from .states import State


class Worker(Life):
    """One worker, over all its generations."""

    # --- what clients do -----------------------------------------------------------------------------------------

    def submit(self, ticket: Ticket, now: float) -> list[Action]:
        """Takes a request: it will end exactly once, here and now or later."""
        waiting = len(self.jobs.waiting)
        if self._down:
            self.jobs.fail(ticket, "shutting_down", "hushd is shutting down; ask again in a moment.")
        elif self.state is State.FAILED:
            self.jobs.fail(ticket, *self._verdict, retry_after_ms=self._timer_ms(now))
        elif waiting >= self.settings.queue:
            message = f"{waiting} requests wait for {self.name} already; try again later."
            self.jobs.fail(ticket, "overloaded", message, self.jobs.wait_ms(ticket))
        else:
            self.jobs.wait(ticket, now)
            self._settle(now)
            if ticket in self.jobs.waiting:
                self.jobs.tell_place(ticket, "queued" if self.state is State.BUSY or self._held else "starting")
        return self._take()

    def would_run(self, ticket: Ticket) -> bool:
        """Whether a newcomer would be given to the process at once."""
        return self.state in (State.READY, State.BUSY) and self.jobs.would_run(ticket)

    def give(self, ticket: Ticket, now: float) -> list[Action]:
        """Hands over one that waits, to a replica where it would run."""
        self.jobs.line.serve(ticket, now)
        self.jobs.line.sort(now)
        self._settle(now)
        return self._take()

    def adopt(self, ticket: Ticket, now: float) -> list[Action]:
        """Takes over one that waited at another replica."""
        ticket.brain = self
        self.jobs.wait(ticket, now)
        self._settle(now)
        return self._take()

    def cancel(self, ticket: Ticket, now: float, code: str = "cancelled") -> list[Action]:
        """Ends `ticket` with `code`: at once while it waits, through the engine while it runs."""
        self.jobs.cancel(ticket, now, code)
        return self._take_after(ticket, now)

    def input(self, ticket: Ticket, chunk: m.Chunk, now: float) -> list[Action]:
        """A chunk of a request's input."""
        self.jobs.input(ticket, chunk, now)
        return self._take_after(ticket, now)

    def grant(self, ticket: Ticket, chunks: int, now: float) -> list[Action]:
        """The client can take more output."""
        self.jobs.grant(ticket, chunks, now)
        return self._take_after(ticket, now)

    def release(self, holder: str, now: float) -> list[Action]:
        """A connection is gone; `holder` are the leases that it held in its own name."""
        if self.leases.connection_ended(holder) and self.state is State.READY:
            self._rest(now)
        return self._take()

    # --- what the worker does ------------------------------------------------------------------------------------

    def receive(self, gen: int, message: m.Message, now: float) -> list[Action]:
        """A message of generation `gen`."""
        if gen != self.gen or not self.state.has_process:
            return []
        if self._beat_due < math.inf:
            self._beat_due = now + BEAT_S  # every frame is a sign of life
        match message:
            case m.WorkerHello() if self.state is State.STARTING:
                self._timer = now + self.settings.start_timeout
            case m.Loading() if self.state is State.STARTING:
                self._timer = min(now + self.settings.start_timeout, self._start_cap)
            case m.Ready() if self.state is State.STARTING:
                self._become_ready(message, now)
            case m.LoadFailed() if self.state is State.STARTING:
                self._expected = True
                self.jobs.fail_waiting(message.code if message.code in CODES else "worker_failed", message.message)
                self._enter(State.STOPPING, now + GRACE_S)
            case m.Beat():
                self.pss = message.pss or self.pss
                if message.cpu_s - self._cpu_s >= CPU_S:
                    self._cpu_s = message.cpu_s
                    for ticket in self.jobs.running.values():
                        ticket.touched = now
                if self.state is State.READY and (used_up := self._used_up(now)):
                    self._recycle(used_up, now)
            case m.Bye():
                if self.state is State.READY:  # leaves unasked: nothing more may be given to it
                    self._log("WARNING", f"{self.name} leaves unasked")
                    self._expected = True
                    self._enter(State.STOPPING, now + GRACE_S)
                self._send(m.Bye())
            case m.Chunk() | m.Partial() | m.Progress() | m.Credit() | m.Result() | m.Error():
                self._hear(message.id, message, now)
        return self._take()

    def exited(self, gen: int, status: int, log_tail: str, now: float, out_of_memory: bool = False) -> list[Action]:
        """The process of generation `gen` is gone, and all it had sent was handed over before."""
        if gen != self.gen or not self.state.has_process:
            return []
        was, how = self.state, describe_exit(status, self._killed, out_of_memory)
        ready_for = now - self.ready_at if self.ready_at < math.inf else 0.0
        lost = self.jobs.lose()
        detail = {"exit": how, "log_tail": log_tail}
        self._timer = self._beat_due = self.ready_at = math.inf
        self.idle_since = None
        if self._expected or (was is State.READY and status == 0):
            for ticket in lost:
                self.jobs.repeat_or_fail(ticket, now, not self._down, f"{self.name} was stopped while it ran.", detail)
            self._enter(State.STOPPED)
            self._settle(now)
            return self._take()

        self._log("ERROR", f"{self.name} died: {how}{last_line(log_tail)}")
        self.crashes.add(now, frozenset(t.key for t in lost), ready_for)
        explained = self._blame(lost, now, how, detail)
        if self._start_timed_out:
            self._verdict = (
                "start_timeout",
                f"{self.name} did not become ready in time; see `hushd logs {self.name}`.",
            )
        else:
            when = "while it starts" if was is State.STARTING else "at work" if lost else "while it is idle"
            why = f"{self.name} keeps crashing {when} ({how}{last_line(log_tail)}); see `hushd logs {self.name}`."
            self._verdict = ("worker_failed", why)
        if self._down or self._held or explained:
            self._enter(State.STOPPED)
            self._settle(now)
        elif self.crashes.too_many():
            self._enter(State.FAILED, now + COOLDOWN_S)
            self.jobs.fail_waiting(*self._verdict, retry_after_ms=self._timer_ms(now))
        else:
            self._enter(State.BACKOFF, now + self.crashes.next_delay())
        return self._take()

    def spawn_failed(self, gen: int, reason: str, now: float) -> list[Action]:
        """No process could be started; counts as a crash."""
        return self.exited(gen, 127, reason, now)

    def unreachable(self, gen: int, now: float) -> list[Action]:
        """A message for the living process could not be sent, or what it sent is garbage."""
        if gen == self.gen and self.state in (State.STARTING, State.READY, *RUNS):
            self._kill(now)
        return self._take()

    # --- inside --------------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        """After any change: gives out work, rests, leaves or starts, as the state and the queue ask for."""
        if self.state in (State.READY, State.BUSY):
            self._answer_warm(now)
            self.jobs.line.sort(now)
            # After a job, not in the way of one, and not while somebody speaks.
            recycle = self._used_up(now) if self.state is State.BUSY and not self.jobs.sessions else ""
            while (ticket := self.jobs.next()) and not recycle:
                if self.state is State.READY:
                    self.idle_since = None
                    self._beat_due = now + BEAT_S
                    self._enter(State.BUSY)
                self.jobs.run(ticket, now)
            if not self.jobs.running:
                if self.state is State.BUSY:
                    self._enter(State.READY)
                if recycle:
                    self._recycle(recycle, now)
                else:
                    self._rest(now)
            elif recycle:
                self._enter(State.DRAINING, now + self.settings.drain_timeout)
        elif self.state is State.DRAINING and not self.jobs.running:
            self._leave(now)
        elif self.state is State.STOPPED and self.jobs.waiting and not self._held:
            self._enter(State.WAITING, now + ROOM_S)
        elif self.state is State.WAITING and not self.jobs.waiting:
            self._enter(State.STOPPED)

    def _become_ready(self, message: m.Ready, now: float) -> None:
        self.jobs.line.slots, self.jobs.line.sessions = max(1, message.slots), max(0, message.sessions)
        self.pss = message.pss
        self._ceiling = ceiling(message.pss)
        self.was_ready = True
        self.ready_at = now
        self.start_s = now - self._started_at
        self.leases.use("", None, now)
        self._enter(State.READY)
        self._settle(now)

    def _answer_warm(self, now: float) -> None:
        for ticket in [t for t in self.jobs.waiting if t.request.op == "warm"]:
            self.jobs.waiting.remove(ticket)
            self.leases.use(ticket.holder, ticket.request.keep_alive, now)
            self.jobs.finish(ticket, m.Result(id=ticket.request.id, data={"worker": self.name}))

    def _hear(self, request_id: bytes, message: m.Message, now: float) -> None:
        ticket = self.jobs.running.get(request_id)
        if ticket is None:
            return
        if not self.jobs.hear(ticket, message, now):
            self._log("ERROR", f"{self.name} sends without credit")
            if self.state in RUNS:
                self._kill(now)
        elif ticket.done:
            self.leases.use(ticket.holder, ticket.request.keep_alive, now)
            self._settle(now)

    def _blame(self, lost: list[Ticket], now: float, how: str, detail: dict[str, str]) -> bool:
        """Ends or repeats what ran during a crash; True when one explains the crash: it is its second."""
        explained = False
        how += last_line(detail["log_tail"])
        died = f"{self.name} died under this request ({how})."
        for ticket in lost:
            ticket.killed.append(self.crashes)
            second = len(ticket.killed) + ticket.request.attempt >= 2 and not ticket.ending
            if second:
                for crashes in ticket.killed:  # of each replica that it ran on
                    crashes.explain(ticket.key)
                explained = True
            if second and len(lost) == 1:  # nobody else can have done it
                message = f"This request has killed {self.name} twice ({how}): do not repeat it."
                error = HushdError("poison_request", message, detail=dict(detail))
                self.jobs.finish(ticket, m.Error.of(ticket.request.id, error))
            else:
                self.jobs.repeat_or_fail(ticket, now, len(ticket.killed) < 2 and not self._down, died, detail)
        return explained

    def _take_after(self, ticket: Ticket, now: float) -> list[Action]:
        """As `_take`. If `ticket` has ended, it may have been the last that waited, or a suspect who held others up."""
        if ticket.done and (ticket.alone or not self.jobs.waiting):
            self._settle(now)
        return self._take()
