"""The life of one worker: when it starts, what it is given, when it must leave, and what its death means.

A `Brain` is told what happened and the time, and returns what is to be done; it never acts, waits or looks at a
clock. Its states and the ways between them are `states.TRANSITIONS`. What settles the races:

- every process has a generation, and news of an old one is dropped;
- a stop is never reversed: a request that comes meanwhile waits for the exit and starts the next generation at once;
- nothing is started before the exit of the last process was seen, so there is never a second one;
- every ticket ends exactly once, in `_finish`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from hushd_protocol.errors import CODES, HushdError
from hushd_protocol.messages import (
    Accepted,
    Beat,
    Bye,
    Cancel,
    Chunk,
    Credit,
    Drain,
    Error,
    Job,
    LoadFailed,
    Loading,
    Message,
    Partial,
    Progress,
    Ready,
    Result,
    WorkerHello,
)

from .actions import Action, Kill, Log, Spawn, ToClient, ToWorker
from .crashes import COOLDOWN_S, Crashes, describe_exit
from .leases import Leases
from .settings import WorkerSettings
from .states import ALLOWED, State
from .ticket import CANCEL_S, STARVED_S, Ticket

HELLO_S = 10.0  # from the start of the process to its hello
START_CAP_S = 300.0  # a start never takes longer, however often it says `loading`
BEAT_S = 6.0  # three beats of 2 s
GRACE_S = 5.0  # from `drain` to the exit
ALARM_S = 5.0  # a process that SIGKILL has not ended is in an uninterruptible sleep: say so, and try again


class Brain:
    """One worker, over all its generations.

    `generations` numbers processes over all brains, so that no news of one can ever be taken for another's.
    """

    def __init__(self, name: str, settings: WorkerSettings, generations: Iterator[int]) -> None:
        self.name = name
        self.settings = settings
        self._generations = generations
        self.state = State.STOPPED
        self.gen = 0
        self.queue: list[Ticket] = []  # by priority, then by arrival
        self.running: dict[bytes, Ticket] = {}  # by request id as the worker knows it
        self.ended: list[Ticket] = []  # finished since the pool last looked
        self.leases = Leases(settings.keep_alive)
        self.crashes = Crashes()
        self.requests = 0
        self.starts = 0
        self.slots = 1
        self.service_s = 0.0  # moving average of a job's time
        self.pss = 0  # bytes, as the worker told last
        self.capabilities: dict[str, object] = {}
        self.idle_since: float | None = None
        self._timer = math.inf  # of the state
        self._start_cap = math.inf
        self._beat_due = math.inf
        self._cpu_s = 0.0
        self._ready_at = math.inf
        self._expected = False  # the exit that will come was asked for
        self._killed = False
        self._last_failure: tuple[str, str] = ("worker_failed", "")
        self._down = False
        self._out: list[Action] = []

    # --- what clients do ---------------------------------------------------------------------------------------------

    def submit(self, ticket: Ticket, now: float) -> list[Action]:
        """Takes a request: it will end exactly once, here and now or later."""
        if self._down:
            self._fail(ticket, "shutting_down", "hushd is shutting down; ask again in a moment.")
        elif self.state is State.FAILED:
            self._refuse(ticket, now)
        elif len(self.queue) >= self.settings.queue:
            self._fail(
                ticket,
                "overloaded",
                f"{len(self.queue)} requests wait for {self.name} already; try again later.",
                retry_after_ms=self._queue_ms(),
            )
        else:
            self._enqueue(ticket)
            self._settle(now)
            if not ticket.done and ticket.request.id not in self.running:
                state = "queued" if self.state in (State.READY, State.BUSY) else "starting"
                self._tell(ticket, Accepted(id=ticket.request.id, state=state, position=self.queue.index(ticket)))
        return self._take()

    def cancel(self, ticket: Ticket, now: float, code: str = "cancelled") -> list[Action]:
        """Ends `ticket` with `code`: at once while it waits, through the engine while it runs."""
        self._cancel(ticket, now, code)
        return self._take()

    def input(self, ticket: Ticket, chunk: Chunk, now: float) -> list[Action]:
        """Passes a chunk of input on, if the worker has asked for it."""
        if ticket.upload <= 0 or ticket.input_complete or chunk.seq != ticket.uploaded:
            self._cancel(ticket, now, "protocol_error")
        elif ticket.cancelled_at is None:
            if ticket.waits_for_client:
                ticket.touched = now
            ticket.upload -= 1
            ticket.uploaded += 1
            ticket.input_complete = chunk.last
            self._send_job(ticket, chunk)
        return self._take()

    def grant(self, ticket: Ticket, chunks: int, now: float) -> list[Action]:
        """The client can take more output."""
        if ticket.starved_since is not None and chunks > 0:
            ticket.starved_since = None
            ticket.touched = now
        ticket.download += chunks
        self._send_job(ticket, Credit(id=ticket.request.id, chunks=chunks))
        return self._take()

    def release(self, holder: str, now: float) -> list[Action]:
        """A connection that held leases in its own name is gone."""
        self.leases.connection_ended(holder)
        if self.state is State.READY:
            self._rest(now)
        return self._take()

    # --- what the worker does ----------------------------------------------------------------------------------------

    def receive(self, gen: int, message: Message, now: float) -> list[Action]:
        """A message of generation `gen`."""
        if gen != self.gen or not self.state.has_process:
            return []
        if self._beat_due < math.inf:
            self._beat_due = now + BEAT_S
        match message:
            case WorkerHello():
                if self.state is State.STARTING:
                    self._timer = now + self.settings.start_timeout
            case Loading():
                if self.state is State.STARTING:
                    self._timer = min(now + self.settings.start_timeout, self._start_cap)
            case Ready():
                if self.state is State.STARTING:
                    self._become_ready(message, now)
            case LoadFailed():
                if self.state is State.STARTING:
                    self._expected = True
                    code = message.code if message.code in CODES else "worker_failed"
                    self._fail_queue(code, message.message)
                    self._enter(State.STOPPING, now + GRACE_S)
            case Beat():
                self.pss = message.pss or self.pss
                if message.cpu_s > self._cpu_s:
                    self._cpu_s = message.cpu_s
                    self._touch(self.running.values(), now)
            case Bye():
                if self.state is State.READY:  # leaves unasked: nothing more may be given to it
                    self._expected = True
                    self._enter(State.STOPPING, now + GRACE_S)
                self._send(Bye())
            case Chunk() | Partial() | Progress() | Credit() | Result() | Error():
                ticket = self.running.get(message.id)
                if ticket is not None:
                    self._hear(ticket, message, now)
        return self._take()

    def exited(self, gen: int, status: int, log_tail: str, now: float) -> list[Action]:
        """The process of generation `gen` is gone, and all it had sent was handed over before."""
        if gen != self.gen or not self.state.has_process:
            return []
        starting = self.state is State.STARTING
        how = describe_exit(status, self._killed)
        quiet_leave = self.state is State.READY and status == 0
        ready_for = 0.0 if self._ready_at == math.inf else now - self._ready_at
        tickets = list(self.running.values())
        self.running.clear()
        self._timer = self._beat_due = self._ready_at = math.inf
        self.idle_since = None
        self.leases.clear()
        if self._expected or quiet_leave:
            if quiet_leave and not self._expected:
                self._log("WARNING", f"{self.name} left unasked")
            for ticket in tickets:
                self._retry_or_fail(ticket, now, "The worker was stopped while it ran.", how, log_tail)
            self._enter(State.STOPPED)
            self._settle(now)
            return self._take()

        self._log("ERROR", f"{self.name} died: {how}")
        self.crashes.add(now, frozenset(t.key for t in tickets), ready_for)
        explained = self._blame(tickets, now, how, log_tail)
        when = "while it started" if starting else "at work" if tickets else "while it was idle"
        tail = _last_line(log_tail)
        if not (starting and self._last_failure[0] == "start_timeout" and self._killed):
            self._last_failure = (
                "worker_failed",
                f"{self.name} keeps crashing {when} ({how}{tail}); see `hushd logs {self.name}`.",
            )
        if self._down:
            self._enter(State.STOPPED)
        elif explained:
            self._enter(State.STOPPED)
            self._settle(now)
        elif self.crashes.too_many():
            self._enter(State.FAILED, now + COOLDOWN_S)
            waiting, self.queue = self.queue, []
            for ticket in waiting:
                self._refuse(ticket, now)
        else:
            self._enter(State.BACKOFF, now + self.crashes.next_delay())
        return self._take()

    def spawn_failed(self, gen: int, reason: str, now: float) -> list[Action]:
        """No process could be started; counts as a crash."""
        return self.exited(gen, 127, reason, now)

    def unreachable(self, gen: int, now: float) -> list[Action]:
        """A message for the living process could not be sent, or what it sent is garbage."""
        if gen == self.gen and self.state in (State.STARTING, State.READY, State.BUSY, State.DRAINING):
            self._kill(now)
        return self._take()

    # --- what the owner does -----------------------------------------------------------------------------------------

    def unload(self, now: float) -> list[Action]:
        """Ends the worker whatever its leases say; running jobs finish first."""
        self.leases.clear()
        if self.state in (State.BACKOFF, State.FAILED):
            self.crashes.forget()
            self._enter(State.STOPPED)
            self._settle(now)
        elif self.state is State.STARTING:
            self._kill(now, expected=True)
        elif self.state is State.READY:
            self._leave(now)
        elif self.state is State.BUSY:
            self._enter(State.DRAINING, now + self.settings.drain_timeout)
        return self._take()

    def shutdown(self, now: float) -> list[Action]:
        """Refuses what waits, lets running jobs finish; called again, waits for nothing."""
        if self._down:
            for ticket in self.running.values():
                ticket.ending = ticket.ending or "shutting_down"
            if self.state in (State.STARTING, State.READY, State.BUSY, State.DRAINING, State.STOPPING):
                self._kill(now, expected=True)
            return self._take()
        self._down = True
        self._fail_queue("shutting_down", "hushd is shutting down; ask again in a moment.")
        return self._take() + self.unload(now)

    # --- time --------------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """When `on_time` must be called, `math.inf` for never."""
        due = min((t.deadline for t in self.queue), default=math.inf)
        due = min(due, self._timer)
        if self.state in (State.BUSY, State.DRAINING):
            limit = self.settings.stall_timeout
            due = min(due, self._beat_due, *(t.next_deadline(limit) for t in self.running.values()))
        return due

    def on_time(self, now: float) -> list[Action]:
        """What is due at `now`."""
        for ticket in [t for t in self.queue if t.deadline <= now]:
            self.queue.remove(ticket)
            self._fail(ticket, "deadline_exceeded", _ENDINGS["deadline_exceeded"])
        if self.state in (State.BUSY, State.DRAINING) and not self._watch_jobs(now):
            return self._take()
        if self._timer <= now:
            self._timer_fired(now)
        return self._take()

    def _watch_jobs(self, now: float) -> bool:
        """Deadlines, cancels, stalls and beats of running jobs; False when the process had to be killed."""
        for ticket in list(self.running.values()):
            if ticket.cancelled_at is not None:
                if ticket.cancelled_at + CANCEL_S <= now:
                    self._log("WARNING", f"{self.name} ignored a cancel")
                    self._kill(now, expected=True)
                    return False
            elif ticket.deadline <= now:
                self._cancel(ticket, now, "deadline_exceeded")
            elif ticket.starved_since is not None and ticket.starved_since + STARVED_S <= now:
                self._cancel(ticket, now, "slow_consumer")
            elif ticket.stalls_at(self.settings.stall_timeout) <= now:
                self._log("ERROR", f"{self.name} stalled: no output and no CPU time for too long")
                self._kill(now)
                return False
        if self._beat_due <= now:
            self._log("ERROR", f"{self.name} hangs: no sign of life for {BEAT_S:.0f} s")
            self._kill(now)
            return False
        return True

    def _timer_fired(self, now: float) -> None:
        match self.state:
            case State.STARTING:
                self._last_failure = ("start_timeout", f"{self.name} did not become ready in time.")
                self._log("ERROR", self._last_failure[1])
                self._kill(now)
            case State.READY:
                self._log("INFO", f"{self.name} was idle")
                self._leave(now)
            case State.DRAINING:
                for ticket in self.running.values():
                    ticket.ending = ticket.ending or "shutting_down"
                self._kill(now, expected=True)
            case State.STOPPING:
                self._kill(now, expected=True)
            case State.KILLING:
                self._log("ERROR", f"{self.name} has not died of SIGKILL: it sleeps in the kernel; trying again")
                self._out.append(Kill(self.name, self.gen))
                self._timer = now + ALARM_S
            case State.BACKOFF:
                self._enter(State.STOPPED)
                self._settle(now)
            case State.FAILED:
                self.crashes.forget()
                self._enter(State.STOPPED)
                self._settle(now)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _enter(self, state: State, timer: float = math.inf) -> None:
        assert (self.state, state) in ALLOWED, f"{self.state} -> {state}"
        self.state = state
        self._timer = timer

    def _settle(self, now: float) -> None:
        """After any change: gives out work, rests, leaves or starts, as the state and the queue ask for."""
        if self.state in (State.READY, State.BUSY):
            self._answer_warm(now)
            while self.queue and len(self.running) < self.slots:
                alone = self.queue[0].alone or any(t.alone for t in self.running.values())
                if alone and self.running:
                    break
                self._dispatch(self.queue.pop(0), now)
            if not self.running:
                if self.state is State.BUSY:
                    self._enter(State.READY)
                self._rest(now)
        elif self.state is State.DRAINING and not self.running:
            self._leave(now)
        elif self.state is State.STOPPED and self.queue and not self._down:
            self._start(now)

    def _start(self, now: float) -> None:
        self.gen = next(self._generations)
        self.starts += 1
        self._expected = self._killed = False
        self._cpu_s = 0.0
        self._start_cap = now + START_CAP_S
        self._out.append(Spawn(self.name, self.gen))
        self._enter(State.STARTING, now + HELLO_S)

    def _become_ready(self, message: Ready, now: float) -> None:
        self.slots = max(1, message.slots)
        self.pss = message.pss
        self.capabilities = message.capabilities
        self._ready_at = now
        self.leases.use("", None, now)
        self._enter(State.READY)
        self._settle(now)

    def _dispatch(self, ticket: Ticket, now: float) -> None:
        request = ticket.request
        if self.state is State.READY:
            self.idle_since = None
            self._beat_due = now + BEAT_S
            self._enter(State.BUSY)
        ticket.run(now)
        self.running[request.id] = ticket
        self._send(
            Job(
                id=request.id,
                op=request.op,
                params=request.params,
                input=request.input,
                path=request.path,
                device=request.device,
                inode=request.inode,
                size=request.size,
                credit=ticket.download,
                payload=request.payload,
            )
        )
        self._tell(ticket, Accepted(id=request.id, state="running"))

    def _answer_warm(self, now: float) -> None:
        for ticket in [t for t in self.queue if t.request.op == "warm"]:
            self.queue.remove(ticket)
            self.leases.use(ticket.holder, ticket.request.keep_alive, now)
            self._finish(ticket, Result(id=ticket.request.id, data={"worker": self.name}))

    def _rest(self, now: float) -> None:
        """READY with nothing to do: sets the time to leave, or leaves."""
        if self.idle_since is None:
            self.idle_since = now
            self._beat_due = math.inf
        self._timer = math.inf if self.settings.pinned else self.leases.expiry(now)
        if self._timer <= now:
            self._leave(now)

    def _leave(self, now: float) -> None:
        self._expected = True
        self._beat_due = math.inf
        self._enter(State.STOPPING, now + GRACE_S)
        self._send(Drain())

    def _kill(self, now: float, expected: bool = False) -> None:
        self._expected = self._expected or expected
        self._killed = True
        self._out.append(Kill(self.name, self.gen))
        self._enter(State.KILLING, now + ALARM_S)

    def _hear(self, ticket: Ticket, message: Message, now: float) -> None:
        """A message about a running job: keeps the accounts and passes it on."""
        self._touch([ticket], now)
        match message:
            case Chunk():
                if ticket.download <= 0:
                    self._log("ERROR", f"{self.name} sends without credit")
                    if self.state in (State.BUSY, State.DRAINING):
                        self._kill(now)
                    return
                ticket.download -= 1
                ticket.output = True
                if ticket.download == 0:
                    ticket.starved_since = now
                self._tell(ticket, message)
            case Partial():
                ticket.output = True
                self._tell(ticket, message)
            case Progress():
                ticket.audio = message.total
                self._tell(ticket, message)
            case Credit():
                ticket.upload += message.chunks
                self._tell(ticket, message)
            case Result():
                self._end_run(ticket, message, now)
            case Error():
                if ticket.ending:
                    message = Error.of(message.id, HushdError(ticket.ending, _ENDINGS[ticket.ending]))
                else:
                    message = Error.of(message.id, message.exception())
                self._end_run(ticket, message, now)

    def _cancel(self, ticket: Ticket, now: float, code: str) -> None:
        if ticket.done or ticket.cancelled_at is not None:
            return
        if ticket in self.queue:
            self.queue.remove(ticket)
            self._fail(ticket, code, _ENDINGS[code])
        else:
            ticket.cancelled_at = now
            ticket.ending = code
            self._send_job(ticket, Cancel(id=ticket.request.id))

    def _end_run(self, ticket: Ticket, message: Result | Error, now: float) -> None:
        del self.running[ticket.request.id]
        took = now - ticket.started
        self.service_s = took if self.requests == 0 else 0.8 * self.service_s + 0.2 * took
        self.requests += 1
        self.leases.use(ticket.holder, ticket.request.keep_alive, now)
        self._finish(ticket, message)
        self._settle(now)

    def _blame(self, tickets: list[Ticket], now: float, how: str, log_tail: str) -> bool:
        """Ends or repeats what ran during a crash; True when a poison request explains the crash."""
        explained = False
        for ticket in tickets:
            ticket.crashes += 1
            if len(tickets) == 1 and ticket.crashes + ticket.request.attempt >= 2 and not ticket.ending:
                self.crashes.explain(ticket.key)
                explained = True
                self._fail(
                    ticket,
                    "poison_request",
                    f"This request has killed {self.name} twice ({how}): its input is at fault, do not send it again.",
                    detail={"exit": how, "log_tail": log_tail},
                )
            else:
                died = f"{self.name} died under this request ({how}{_last_line(log_tail)})."
                self._retry_or_fail(ticket, now, died, how, log_tail)
        return explained

    def _retry_or_fail(self, ticket: Ticket, now: float, why: str, how: str, log_tail: str) -> None:
        if ticket.ending:
            self._fail(ticket, ticket.ending, _ENDINGS[ticket.ending])
        elif ticket.repeatable and ticket.crashes < 2 and not self._down and now < ticket.deadline:
            ticket.alone = ticket.alone or ticket.crashes > 0
            self._enqueue(ticket)
            self._tell(ticket, Accepted(id=ticket.request.id, state="starting", position=self.queue.index(ticket)))
        else:
            self._fail(ticket, "worker_crashed", why, detail={"exit": how, "log_tail": log_tail})

    def _refuse(self, ticket: Ticket, now: float) -> None:
        code, message = self._last_failure
        left = self._timer - now
        self._fail(ticket, code, message, retry_after_ms=max(1, int(left * 1000)))

    def _queue_ms(self) -> int:
        """How long the queue will take, from the measured time of a job."""
        return max(1000, int((len(self.queue) + 1) * self.service_s / self.slots * 1000))

    def _enqueue(self, ticket: Ticket) -> None:
        place = next(
            (n for n, other in enumerate(self.queue) if (ticket.rank, ticket.order) < (other.rank, other.order)),
            len(self.queue),
        )
        self.queue.insert(place, ticket)

    def _fail_queue(self, code: str, message: str) -> None:
        waiting, self.queue = self.queue, []
        for ticket in waiting:
            self._fail(ticket, code, message)

    def _fail(
        self,
        ticket: Ticket,
        code: str,
        message: str,
        retry_after_ms: int | None = None,
        detail: dict[str, object] | None = None,
    ) -> None:
        error = HushdError(code, message, retry_after_ms, detail or {})
        self._finish(ticket, Error.of(ticket.request.id, error))

    def _finish(self, ticket: Ticket, message: Result | Error) -> None:
        """The only place where a ticket ends."""
        assert not ticket.done
        self._tell(ticket, message)
        ticket.done = True
        self.ended.append(ticket)

    def _touch(self, tickets: Iterable[Ticket], now: float) -> None:
        for ticket in tickets:
            ticket.touched = now

    def _tell(self, ticket: Ticket, message: Message) -> None:
        if not ticket.gone:
            self._out.append(ToClient(ticket.route, message))

    def _send_job(self, ticket: Ticket, message: Message) -> None:
        """Sends what belongs to a running job, unless its process is on its way out."""
        if ticket.request.id in self.running and self.state in (State.BUSY, State.DRAINING):
            self._send(message)

    def _send(self, message: Message) -> None:
        self._out.append(ToWorker(self.name, self.gen, message))

    def _log(self, level: str, text: str) -> None:
        self._out.append(Log(level, text))

    def _take(self) -> list[Action]:
        out, self._out = self._out, []
        return out


_ENDINGS = {
    "cancelled": "The request was cancelled.",
    "deadline_exceeded": "The request's deadline has passed.",
    "slow_consumer": "The client has stopped reading its results.",
    "protocol_error": "The client sent input that was not asked for, or out of order.",
    "shutting_down": "The job did not finish before the worker had to leave; ask again.",
}


def _last_line(log_tail: str) -> str:
    """The end of a log as a clause for an error's sentence."""
    lines = [line.strip() for line in log_tail.splitlines() if line.strip()]
    return f"; its log ends: {lines[-1][:200]}" if lines else ""
