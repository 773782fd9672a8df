"""The life of one worker: when it starts, when it must leave, and what its death means.

A `Brain` is told what happened and the time, and returns what is to be done; it never acts, waits or looks at a
clock. Its states and the ways between them are `states.TRANSITIONS`. What settles the races:

- every process has a generation, and news of an old one is dropped;
- a stop is never reversed: a request that comes meanwhile waits for the exit and starts the next generation at once;
- nothing is started before the exit of the last process was seen, so there is never a second one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from hushd_protocol import messages as m
from hushd_protocol.errors import CODES, HushdError

from .actions import Action, Kill, Log, Spawn, ToWorker
from .crashes import COOLDOWN_S, Crashes, describe_exit, last_line
from .jobs import Jobs
from .leases import Leases
from .settings import WorkerSettings
from .states import ALLOWED, State
from .ticket import Ticket

HELLO_S = 10.0  # from the start of the process to its hello
START_CAP_S = 300.0  # a start never takes longer, however often it says `loading`
BEAT_S = 6.0  # three beats of 2 s
CPU_S = 0.05  # of CPU time is a sign of work; beating alone costs 1 ms each time
GRACE_S = 5.0  # from `drain` to the exit
ROOM_S = 15.0  # for those who were asked to leave to make room: longer than their grace and a kill
LATE_S = 2.0  # a timer that fires later than this: we were stopped, or the machine slept
ALARM_S = 5.0  # a process that SIGKILL has not ended sleeps in the kernel: say so, and try again

_RUNS = (State.BUSY, State.DRAINING)  # jobs run, and are watched


def ceiling(size: int) -> float:
    """How large a worker may get that had `size` bytes when it was ready: beyond any long job, within reach of a leak.

    One engine is known to lose 24 MB a request.
    """
    return 2 * size + 1e9 if size else math.inf


class Brain:
    """One worker, over all its generations.

    `generations` numbers processes over all brains, so that no news of one can ever be taken for another's.
    """

    def __init__(self, name: str, settings: WorkerSettings, generations: Iterator[int]) -> None:
        self.name = name
        self.settings = settings
        self._generations = generations
        self._out: list[Action] = []
        self.state = State.STOPPED
        self.gen = 0
        self.jobs = Jobs(name, self._out)
        self.leases = Leases(settings.keep_alive)
        self.crashes = Crashes()
        self.starts = 0
        self.slots = 1
        self.pss = 0  # bytes, as the worker told last
        self.was_ready = False  # ever
        self.idle_since: float | None = None
        self._timer = math.inf  # of the state
        self._start_cap = math.inf
        self._beat_due = math.inf
        self._cpu_s = 0.0
        self._completed_before = 0  # jobs of earlier processes
        self._ready_at = math.inf
        self._ceiling = math.inf  # bytes at which this process is used up, unless its settings name another size
        self._expected = False  # the exit that will come was asked for
        self._killed = False
        self._start_timed_out = False
        self._verdict = ("worker_failed", "")  # what FAILED tells
        self._down = False
        self._held = False

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
            self.jobs.fail(ticket, "overloaded", message, self.jobs.wait_ms(self.slots))
        else:
            self.jobs.wait(ticket, now)
            self._settle(now)
            if ticket in self.jobs.waiting:
                self.jobs.tell_place(ticket, "queued" if self.state is State.BUSY or self._held else "starting")
        return self._take()

    def give(self) -> Ticket | None:
        """The next one that waits, for a replica that is free; a suspect stays."""
        ticket = next((t for t in self.jobs.waiting if not t.alone), None)
        if ticket is not None:
            self.jobs.waiting.remove(ticket)
            if self.state is State.WAITING and not self.jobs.waiting:
                self._enter(State.STOPPED)
        return ticket

    def adopt(self, ticket: Ticket, now: float) -> list[Action]:
        """Takes over one that waited at another replica."""
        ticket.brain = self
        self.jobs.wait(ticket, now)
        self._settle(now)
        return self._take()

    def cancel(self, ticket: Ticket, now: float, code: str = "cancelled") -> list[Action]:
        """Ends `ticket` with `code`: at once while it waits, through the engine while it runs."""
        self.jobs.cancel(ticket, now, code)
        return self._take_if_wanted(now)

    def input(self, ticket: Ticket, chunk: m.Chunk, now: float) -> list[Action]:
        """A chunk of a request's input."""
        self.jobs.input(ticket, chunk, now)
        return self._take_if_wanted(now)

    def grant(self, ticket: Ticket, chunks: int, now: float) -> list[Action]:
        """The client can take more output."""
        self.jobs.grant(ticket, chunks, now)
        return self._take_if_wanted(now)

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
        ready_for = now - self._ready_at if self._ready_at < math.inf else 0.0
        lost = self.jobs.lose()
        detail = {"exit": how, "log_tail": log_tail}
        self._timer = self._beat_due = self._ready_at = math.inf
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
        if gen == self.gen and self.state in (State.STARTING, State.READY, *_RUNS):
            self._kill(now)
        return self._take()

    # --- what the pool decides -----------------------------------------------------------------------------------

    def admit(self, now: float) -> list[Action]:
        """There is memory for it: start."""
        if self.state is State.WAITING:
            self._start(now)
        return self._take()

    def refuse(self, now: float, message: str, retry_after_ms: int) -> list[Action]:
        """There is no memory for it, and nobody can leave for it."""
        if self.state is State.WAITING:
            self.jobs.fail_waiting("server_busy", message, retry_after_ms)
            self._enter(State.STOPPED)
        return self._take()

    def evict(self, now: float) -> list[Action]:
        """Its memory is needed: it leaves if it is idle, whatever its leases say."""
        if self.state is State.READY and not self.settings.pinned:
            self._log("INFO", f"{self.name} makes room")
            self._leave(now)
        return self._take()

    # --- what the owner does -------------------------------------------------------------------------------------

    def unload(self, now: float) -> list[Action]:
        """Ends the worker whatever its leases say; running jobs finish first."""
        self.leases.clear()
        if self.state in (State.BACKOFF, State.FAILED):
            self.crashes.forget()
            self._enter(State.STOPPED)
            self._settle(now)
        elif self.state is State.WAITING and not self.jobs.waiting:
            self._enter(State.STOPPED)
        elif self.state is State.STARTING:
            self._kill(now, expected=True)
        elif self.state is State.READY:
            self._leave(now)
        elif self.state is State.BUSY:
            self._enter(State.DRAINING, now + self.settings.drain_timeout)
        return self._take()

    def configure(self, settings: WorkerSettings, now: float) -> list[Action]:
        """Other settings from now on. A process that was started with what has changed finishes its jobs and leaves."""
        before, self.settings = self.settings, settings
        self.leases.set_default(settings.keep_alive)
        if (before.command, before.environment) != (settings.command, settings.environment):
            return self.unload(now)
        if self.state is State.READY:
            self._rest(now)
        return self._take()

    def hold(self, now: float) -> list[Action]:
        """Starts nothing any more: running jobs finish, and who waits goes on waiting, until `shutdown`."""
        self._held = True
        if self.state is State.WAITING:
            self._enter(State.STOPPED)
        return self._take() + self.unload(now)

    def shutdown(self, now: float) -> list[Action]:
        """Refuses what waits, lets running jobs finish; called again, or after `hold`, waits for nothing."""
        first = not self._down
        if first:
            self._down = True
            self.jobs.fail_waiting("shutting_down", "hushd is shutting down; ask again in a moment.")
        if first and not self._held:
            return self._take() + self.unload(now)
        if self.state.has_process and self.state is not State.KILLING:
            self._give_up_jobs(now)
        return self._take()

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """When `on_time` must be called, `math.inf` for never."""
        due = min(self._timer, self.jobs.waiting_deadline())
        if self.state in _RUNS:
            due = min(due, self._beat_due, self.jobs.running_deadline(self.settings.stall_timeout))
        return due

    def on_time(self, now: float) -> list[Action]:
        """What is due at `now`."""
        if (late := now - self.deadline()) > LATE_S:
            self._excuse(late + BEAT_S)
        self.jobs.expire_waiting(now)
        if self.state is State.WAITING:
            self._settle(now)
        if self.state in _RUNS:
            self.jobs.expire_running(now)
            if self.jobs.cancel_ignored(now):
                self._log("WARNING", f"{self.name} ignored a cancel")
                self._kill(now, expected=True)
            elif self.jobs.stalled(now, self.settings.stall_timeout):
                self._log("ERROR", f"{self.name} stalled: no output and no CPU time for too long")
                self._kill(now)
            elif self._beat_due <= now:
                self._log("ERROR", f"{self.name} hangs: no sign of life for {BEAT_S:.0f} s")
                self._kill(now)
        if self._timer <= now:
            self._timer_fired(now)
        return self._take()

    def _excuse(self, late: float) -> None:
        """Nobody is to blame for a time in which nobody ran or was heard: watches go on as if it had not been."""
        self._beat_due += late
        if self.state in (State.WAITING, State.STARTING, State.DRAINING):
            self._timer += late
            self._start_cap += late
        self.jobs.excuse(late)

    def _timer_fired(self, now: float) -> None:
        match self.state:
            case State.STARTING:
                self._log("ERROR", f"{self.name} did not become ready in time")
                self._start_timed_out = True
                self._kill(now)
            case State.READY:
                self._log("INFO", f"{self.name} was idle")
                self._leave(now)
            case State.WAITING:
                message = f"There is no memory for {self.name}: those who were to leave for it have not left in time."
                self.jobs.fail_waiting("server_busy", message, 5000)
                self._enter(State.STOPPED)
            case State.DRAINING:
                self._give_up_jobs(now)
            case State.STOPPING:
                self._kill(now, expected=True)
            case State.KILLING:
                self._log("ERROR", f"{self.name} has not died of SIGKILL: it sleeps in the kernel; trying again")
                self._out.append(Kill(self.name, self.gen))
                self._timer = now + ALARM_S
            case State.BACKOFF | State.FAILED:
                if self.state is State.FAILED:
                    self.crashes.forget()
                self._enter(State.STOPPED)
                self._settle(now)

    # --- inside --------------------------------------------------------------------------------------------------

    def _enter(self, state: State, timer: float = math.inf) -> None:
        assert (self.state, state) in ALLOWED, f"{self.state} -> {state}"
        self.state = state
        self._timer = timer

    def _settle(self, now: float) -> None:
        """After any change: gives out work, rests, leaves or starts, as the state and the queue ask for."""
        if self.state in (State.READY, State.BUSY):
            self._answer_warm(now)
            self.jobs.line_up(now)
            recycle = self._used_up(now) if self.state is State.BUSY else ""  # after a job, not in the way of one
            while (ticket := self.jobs.next(self.slots)) and not recycle:
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

    def _start(self, now: float) -> None:
        self.gen = self.jobs.gen = next(self._generations)
        self.starts += 1
        self._expected = self._killed = self._start_timed_out = False
        self._cpu_s = 0.0
        self.pss = 0
        self._completed_before = self.jobs.completed
        self._start_cap = now + START_CAP_S
        self._out.append(Spawn(self.name, self.gen))
        self._enter(State.STARTING, now + HELLO_S)

    def _used_up(self, now: float) -> str:
        """Why this process should do nothing more, empty while it may."""
        limits = self.settings
        if 0 < limits.max_requests <= self.jobs.completed - self._completed_before:
            return f"{limits.max_requests} requests"
        if self.pss >= (limits.max_pss_mb * 1e6 or self._ceiling) and self.jobs.completed > self._completed_before:
            return f"{self.pss / 1e6:.0f} MB"
        if 0 < limits.max_age <= now - self._ready_at:
            return f"{now - self._ready_at:.0f} s old"
        return ""

    def _become_ready(self, message: m.Ready, now: float) -> None:
        self.slots = max(1, message.slots)
        self.pss = message.pss
        self._ceiling = ceiling(message.pss)
        self.was_ready = True
        self._ready_at = now
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
            if self.state in _RUNS:
                self._kill(now)
        elif ticket.done:
            self.leases.use(ticket.holder, ticket.request.keep_alive, now)
            self._settle(now)

    def _rest(self, now: float) -> None:
        """READY with nothing to do: sets the time to leave, or leaves."""
        if self.idle_since is None:
            self.idle_since = now
            self._beat_due = math.inf
        self._timer = math.inf if self.settings.pinned else self.leases.expiry(now)
        if self._timer <= now:
            self._leave(now)

    def _recycle(self, used_up: str, now: float) -> None:
        self._log("INFO", f"{self.name} is used up ({used_up}): a new process takes over")
        self._leave(now)

    def _leave(self, now: float) -> None:
        self._expected = True
        self._beat_due = math.inf
        self._enter(State.STOPPING, now + GRACE_S)
        self._send(m.Drain())

    def _give_up_jobs(self, now: float) -> None:
        for ticket in self.jobs.running.values():
            ticket.ending = ticket.ending or "shutting_down"
        self._kill(now, expected=True)

    def _kill(self, now: float, expected: bool = False) -> None:
        self._expected = self._expected or expected
        self._killed = True
        self._out.append(Kill(self.name, self.gen))
        self._enter(State.KILLING, now + ALARM_S)

    def _blame(self, lost: list[Ticket], now: float, how: str, detail: dict[str, str]) -> bool:
        """Ends or repeats what ran during a crash; True when a poison request explains the crash."""
        explained = False
        died = f"{self.name} died under this request ({how}{last_line(detail['log_tail'])})."
        for ticket in lost:
            ticket.crashes += 1
            if ticket.crashes + ticket.request.attempt >= 2 and not ticket.ending:
                self.crashes.explain(ticket.key)
                explained = True
                message = f"This request has killed {self.name} twice ({how}): its input is at fault, do not repeat it."
                error = HushdError("poison_request", message, detail=dict(detail))
                self.jobs.finish(ticket, m.Error.of(ticket.request.id, error))
            else:
                self.jobs.repeat_or_fail(ticket, now, ticket.crashes < 2 and not self._down, died, detail)
        return explained

    def _timer_ms(self, now: float) -> int:
        return max(1, int((self._timer - now) * 1000))

    def _send(self, message: m.Message) -> None:
        self._out.append(ToWorker(self.name, self.gen, message))

    def _log(self, level: str, text: str) -> None:
        self._out.append(Log(level, text))

    def _take_if_wanted(self, now: float) -> list[Action]:
        """As `_take`, after what may have ended the last request that waits for room."""
        if self.state is State.WAITING:
            self._settle(now)
        return self._take()

    def _take(self) -> list[Action]:
        out = self._out.copy()
        self._out.clear()
        return out
