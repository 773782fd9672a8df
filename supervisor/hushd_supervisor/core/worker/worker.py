"""One worker: what follows from its clients' requests, its owner's commands, its process's news, and time.

A `Worker` receives events and the time, and returns actions; it never acts, waits or looks at a clock. Its `Lifecycle`
owns the process and the states, its `Jobs` the requests, and its `WorkerMemory` carries out decisions about its memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, ValuesView
from typing import Final

from hushd_protocol import messages as m
from hushd_protocol.cards import ANY_KIND
from hushd_protocol.errors import CODES, HushdError
from hushd_protocol.names import base
from hushd_schema.results import Capabilities
from hushd_schema.settings import WorkerSettings
from hushd_schema.status import WorkerStatus

from hushd_supervisor.core import events as ev
from hushd_supervisor.core.actions import Action, Outbox

from .crashes import COOLDOWN_S, Crashes, Death
from .jobs import Jobs
from .leases import Leases
from .lifecycle import BEAT_TIMEOUT_S, WATCHED, Deadlines, Lifecycle
from .memory import NO_SETBACK, CardKinds, WorkerMemory
from .process import Process
from .request import ENDINGS, ActiveRequest
from .states import State

POSTPONED_RETRY_MS = 1000
UNASKED_S = 60.0  # seconds at most that a process stays which no request has asked for
_MAX_TEXT_CHARACTERS = 300  # characters of a worker's own text in the status


class Worker:
    """One worker, over all its generations.

    Args:
        generations: numbers processes across all workers, so that news of one is never taken for another's.
        card_kinds: the kinds of graphics cards that the engine of a worker of this name may be able to use.
        economy: whether memory is short, so that jobs are asked to use less.

    Attributes:
        waiting: the waiting requests, as they came.
        running: the requests that run on its process.
    """

    def __init__(
        self,
        name: str,
        settings: WorkerSettings,
        generations: Iterator[int],
        card_kinds: CardKinds = lambda _: ANY_KIND,
        economy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._outbox = outbox = Outbox()
        self.name = name
        self._lifecycle = Lifecycle(name, settings, generations, outbox)
        self._jobs = Jobs(name, self._lifecycle.send, outbox, economy)
        self.is_current: Final = self._lifecycle.is_current
        self.order: Final = self._jobs.queue.order
        self.first_end: Final = self._jobs.first_end
        self.pop_ended: Final = self._jobs.pop_ended
        self.waiting: Final[KeysView[ActiveRequest]] = self._jobs.waiting
        self.running: Final[ValuesView[ActiveRequest]] = self._jobs.running.values()
        self._leases = Leases()
        self.holders: Final = self._leases.holders
        self._crashes = Crashes()
        self.memory = WorkerMemory(self._lifecycle, self._jobs, outbox, card_kinds)
        self._verdict = ("worker_failed", "")  # code and message of refusals while it is FAILED
        self._held = False  # whether processes are no longer started; requests go on waiting
        self._down = False  # whether the supervisor leaves, so that requests are no longer repeated

    @property
    def state(self) -> State:
        return self._lifecycle.state

    @property
    def process(self) -> Process:
        return self._lifecycle.process

    @property
    def settings(self) -> WorkerSettings:
        return self._lifecycle.settings

    # --- what others ask -----------------------------------------------------------------------------------------

    @property
    def retires(self) -> bool:
        """True if the process gets no more jobs, and leaves after the last: it is used up, or not wanted any more.
        Beside jobs that may last for hours, live sessions and downloads, it goes on meanwhile."""
        lasts = self._jobs.running.endless or self.name.startswith("models/")
        return self.state is State.BUSY and bool(self.process.retiring) and not lasts

    @property
    def stays_for(self) -> int:
        """The number of jobs that keep a process from leaving when it is asked to."""
        if self.state is State.STARTING:
            return len(self.waiting)
        return self._jobs.running.uncancelled if self.state in WATCHED else 0

    @property
    def has_worked(self) -> bool:
        """True if its process has had a job."""
        return bool(self._jobs.running) or self._jobs.timings.completed > self.process.jobs_before

    @property
    def recent_crashes(self) -> int:
        """The number of its crashes that may still close it."""
        return self._crashes.recent

    @property
    def is_unused(self) -> bool:
        """True if forgetting it loses nothing but its row: its learnt size is kept elsewhere."""
        return self.state is State.STOPPED and self._jobs.is_empty

    @property
    def was_ready(self) -> bool:
        return self._lifecycle.capabilities is not None

    @property
    def start_s(self) -> float:
        return self._lifecycle.start_s

    @property
    def holds_session(self) -> bool:
        """True if a live stream has the slot of a file."""
        return self._jobs.running.sessions > 0 and not self._jobs.queue.sessions

    @property
    def has_slot(self) -> bool:
        """True if its process could run another job."""
        return self.state in (State.READY, State.BUSY) and self._jobs.queue.free

    def would_run(self, request: ActiveRequest) -> bool:
        """Returns whether a new request would be handed to the process at once."""
        loaded = self.state in (State.READY, State.BUSY)
        return loaded and not self.retires and self._jobs.queue.would_run(request)

    def status(self, need_mb: float, now: float) -> WorkerStatus:
        """Its row in the status; the sizes of its process are added where they are measured."""
        process, loaded, timings, lives = (
            self.process,
            self._lifecycle.capabilities,
            self._jobs.timings,
            self.state.has_process,
        )
        (role, engine, model), (idle_s, expires_in_s) = base(self.name).split("/"), self._lifecycle.rest_s(now)
        cards = {id: round(size / 1e6, 1) for id, size in process.cards.items()} if lives else {}
        return WorkerStatus(
            name=self.name, role=role, engine=engine, model=model, need_mb=need_mb, pid=None, rss_mb=None, pss_mb=None,
            peak_rss_mb=None, private_mb=None, mapped_mb=None, queued=len(self.waiting), running=len(self.running),
            sessions=self._jobs.running.sessions, programs=self._jobs.programs, requests=timings.completed,
            latency_ms=timings.latency_ms(0.5), latency_p95_ms=timings.latency_ms(0.95), crashes=self._crashes.total,
            holders=self.holders(now), starts=self._lifecycle.starts, state=self.state.value, idle_s=idle_s,
            expires_in_s=expires_in_s, failure=self._lifecycle.failure[:_MAX_TEXT_CHARACTERS],
            peak_mb=round(process.peak / 1e6, 1) if lives else None, vram_mb=sum(cards.values()) or None,
            cards_mb=cards, compute_device=loaded.compute_device[:_MAX_TEXT_CHARACTERS] if loaded else "",
            why_there=process.place.why or (loaded.why_there[:_MAX_TEXT_CHARACTERS] if loaded else ""),
            confined=bool(loaded and loaded.confined and lives),
        )  # fmt: skip

    # --- what clients do -----------------------------------------------------------------------------------------

    def submit(self, request: ActiveRequest, now: float) -> list[Action]:
        """Accepts a request, which will end exactly once, now or later."""
        self.memory.request_came()
        self._leases.worked(now)
        if self.state is State.FAILED:
            self._jobs.fail(request, *self._verdict, retry_after_ms=self._lifecycle.retry_ms(now))
        elif not (self.would_run(request) or self._jobs.queue.has_capacity(request, self.settings.queue)):
            full = f"{len(self.waiting)} requests wait for {self.name} already; try again later."
            self._jobs.fail(request, "overloaded", full, self._jobs.wait_ms(request))
        else:
            self._jobs.wait(request, now)
            self._next_move(now)
            if request in self.waiting:
                state = "starting" if self._loads else "queued"
                self._jobs.report_position(request, state, now, self._lifecycle.awaited(now))
        return self._outbox.flush()

    def hand_over(self, request: ActiveRequest, now: float) -> list[Action]:
        """Hands over a waiting request to a replica where it would run."""
        self._jobs.queue.remove(request, served=True)
        self._next_move(now)
        return self._outbox.flush()

    def adopt(self, request: ActiveRequest, now: float) -> list[Action]:
        """Takes over a request that waited at another replica."""
        self._jobs.wait(request, now)
        self._next_move(now)
        return self._outbox.flush()

    def cancel(self, request: ActiveRequest, now: float, code: str = "cancelled") -> list[Action]:
        """Ends `request` with `code`: at once while it waits, through the engine while it runs."""
        self._jobs.cancel(request, now, code)
        return self._actions_after(request, now)

    def input(self, request: ActiveRequest, chunk: m.Chunk, now: float) -> list[Action]:
        self._jobs.input(request, chunk, now)
        return self._actions_after(request, now)

    def grant(self, request: ActiveRequest, chunks: int, now: float) -> list[Action]:
        """Passes on credit for `chunks` more of output."""
        self._jobs.grant(request, chunks, now)
        return self._actions_after(request, now)

    def release(self, holder: str, now: float) -> list[Action]:
        """Drops the lease of a closed connection that held it in its own name."""
        if self._leases.holder_left(holder, self.settings.keep_alive) and self.state is State.READY:
            self._rest(now)
        return self._outbox.flush()

    # --- news of the process -------------------------------------------------------------------------------------

    def handle(self, event: ev.OfProcess, now: float, scarce: bool = False) -> list[Action]:
        """Decides what follows from news of the process; drops that of an earlier generation.
        `scarce`: whether memory is critically short, so that a program that watches it may have ended the process."""
        if not self.is_current(event.gen):
            return []
        match event:
            case ev.FromWorker(message=message):
                self._receive(message, now)
            case ev.Spawned():
                self._lifecycle.spawned(now)
            case ev.StartProbed(used=used):
                self._lifecycle.start_probed(used, now)
            case ev.SendFailed() if self.state in (State.STARTING, State.READY, *WATCHED):
                self._lifecycle.kill(now)
            case ev.Exited():
                self._exited(self._lifecycle.exited(event, scarce, now), now)
            case ev.SpawnFailed(reason=reason, transient=True):
                self._postpone(reason, now)
            case ev.SpawnFailed(_, gen, reason):
                self._exited(self._lifecycle.exited(ev.Exited(self.name, gen, 127, reason), scarce, now), now)
        return self._outbox.flush()

    def _receive(self, message: m.Message, now: float) -> None:
        self._lifecycle.receive(message, now)
        match message:
            case m.Chunk() | m.Partial() | m.Progress() | m.Credit() | m.Result() | m.Error():
                self._answer(message.id, message, now)
            case m.Ready() if self.state is State.STARTING:
                self._loaded(message, now)
            case m.LoadFailed() if self.state is State.STARTING:
                self._not_loaded(message, now)
            case m.Beat():
                self._jobs.running.compute(*self._lifecycle.work(message.cpu_s), now)
                self._watch(now)
                self._recycle_if_used_up(now)
            case m.Bye():
                if self.state is State.READY:
                    self._lifecycle.log("WARNING", "leaves unasked")
                    self._lifecycle.expect_exit(now)
                self._lifecycle.send(m.Bye())

    def _loaded(self, ready: m.Ready, now: float) -> None:
        """Takes the capabilities that the process reports; kills it if they are malformed."""
        try:
            capabilities = Capabilities.from_data(ready.capabilities, "what it reports")
        except HushdError as error:
            return self._lifecycle.kill(now, f"is ended: {error.message}")
        self._jobs.queue.declare(ready.slots, ready.sessions, ready.aside)
        self.memory.setback = NO_SETBACK
        self._crashes.started()
        self._lifecycle.become_ready(ready, capabilities, now)
        was_asked = self._leases.last_use >= self._lifecycle.waits_since
        spared = 0.0 if was_asked else max(0.0, self.settings.keep_alive - UNASKED_S)
        self._leases.use("", None, now - spared)
        self._next_move(now)

    def _not_loaded(self, failed: m.LoadFailed, now: float) -> None:
        """Refuses the waiting requests, unless memory was short: then admission decides."""
        if failed.code == "server_busy" and self.waiting:
            self.memory.not_loaded(failed.message, failed.on_card)
        else:
            self._jobs.fail_waiting(failed.code if failed.code in CODES else "worker_failed", failed.message)
        self._lifecycle.expect_exit(now)

    def _answer(self, request_id: bytes, message: m.Message, now: float) -> None:
        """Passes a message of the process to the client of a running request."""
        request = self._jobs.running.get(request_id)
        if request is None:  # the request may have ended while the message was on its way
            return
        had_ended = request.done
        if not self._jobs.receive(request, message, now):
            self._lifecycle.log("ERROR", "sends without credit")
            if self.state in WATCHED:
                self._lifecycle.kill(now)
        elif request.id not in self._jobs.running:  # the request has ended, or is to be repeated
            if had_ended:
                self._leases.worked(now)
            elif request.done:
                self._lease(request, now)
            self._next_move(now)

    def _postpone(self, reason: str, now: float) -> None:
        """Refuses the waiting requests: no process could be started, through no fault of the worker."""
        self._lifecycle.gone()
        self._lifecycle.log("WARNING", f"cannot be started now: {reason}")
        if not self._held:
            message = f"{self.name} cannot be started now ({reason}): ask again in a moment."
            self._jobs.fail_waiting("server_busy", message, POSTPONED_RETRY_MS)
        self._stop(now)

    def _exited(self, death: Death, now: float) -> None:
        """Ends or repeats the lost requests; after a crash it pauses or is FAILED, unless a request explains it."""
        if death.expected:
            leaves = self._down or self._held
            code = "shutting_down" if leaves else "worker_stopped"
            for request in self._jobs.running.lose():
                self._jobs.repeat_or_fail(request, now, not leaves, HushdError(code, ENDINGS[code]))
            self._stop(now)
            return
        self._lifecycle.log("ERROR", f"died: {death.cause}")
        self._verdict = death.verdict(bool(self._jobs.running))
        explained = self._jobs.lose(death, self._crashes, not self._down, now)
        self.memory.died(death)
        if self._down or self._held or explained or (death.felled and not death.starting):
            self._stop(now)
        elif self._crashes.too_many():
            self._lifecycle.enter(State.FAILED, Deadlines(retry=now + COOLDOWN_S))
            self._jobs.fail_waiting(*self._verdict, retry_after_ms=self._lifecycle.retry_ms(now))
        else:
            self._lifecycle.enter(State.BACKOFF, Deadlines(retry=now + self._crashes.next_delay()))

    # --- what the pool decides -----------------------------------------------------------------------------------

    def unload(self, now: float, owner: bytes = b"", force: bool = False) -> list[Action]:
        """Ends the worker whatever its leases say: jobs of the client `owner` end at once, other jobs finish first.
        With `force` running jobs are stopped too, and repeated by another process where nothing is lost."""
        self._jobs.cancel_all_of(owner, now)
        if force:
            self._jobs.stop("shutting_down" if self._down else "worker_stopped", now)
        if self.state is not State.BUSY and (force or not self.stays_for):
            return self._end(now)
        self._leases.clear()
        self._lifecycle.retire("unloaded")
        self._next_move(now)
        return self._outbox.flush()

    def configure(self, settings: WorkerSettings, now: float) -> list[Action]:
        """Applies new settings; a process started with old ones finishes its jobs and leaves."""
        if self._lifecycle.configure(settings):
            if self.state is not State.BUSY:
                return self._end(now)
            self._lifecycle.retire("its configuration has changed")
            self._next_move(now)
        if self.state is State.READY:
            self._rest(now)
        return self._outbox.flush()

    def hold(self, now: float) -> list[Action]:
        """Starts no more jobs: running ones finish, and waiting requests go on waiting, until `shutdown`."""
        self._held = True
        if self.state is State.WAITING:
            self._lifecycle.end(now)
        return self._outbox.flush() + self._end(now)

    def shutdown(self, now: float) -> list[Action]:
        """Refuses waiting requests and lets running jobs finish; called again, or after `hold`, waits for nothing."""
        first = not self._down
        if first:
            self._down = True
            self._jobs.running.repeat_none()
            self._jobs.fail_waiting("shutting_down", "hushd is shutting down; ask again in a moment.")
        if first and not self._held:
            return self._outbox.flush() + self._end(now)
        if self.state.has_process and self.state is not State.KILLING:
            self._lifecycle.kill(now, expected=True)
        return self._outbox.flush()

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` must be called, `math.inf` for never."""
        deadline = min(self._lifecycle.deadline(), self._jobs.waiting_deadline())
        if self.state not in WATCHED:
            return deadline
        stall_limit, gives_up_slots = self.settings.stall_timeout, self._jobs.queue.has_side_places
        return min(deadline, self._jobs.running.deadline(stall_limit, gives_up_slots))

    def extend_deadlines(self, by_s: float, now: float) -> None:
        """Extends every watch by `by_s` seconds, in which the supervisor heard nobody."""
        self._lifecycle.extend_deadlines(by_s, now)
        self._jobs.running.extend_deadlines(by_s, now)

    def on_time(self, now: float) -> list[Action]:
        if self._jobs.queue.has_side_places and self._jobs.running.leave_idle_slots(now):
            self._next_move(now)
        self._watch(now)
        if self._jobs.attend("starting" if self._loads else "queued", self._lifecycle.awaited(now), now):
            self._next_move(now)
        match self._lifecycle.on_time(now):
            case State.WAITING:
                late = f"There is no memory for {self.name}: the workers asked to leave for it have not left in time."
                self._jobs.fail_waiting("server_busy", late, 5000)
            case State.BACKOFF | State.FAILED as paused:
                if paused is State.FAILED:
                    self._crashes.forget()
                self._next_move(now)
        return self._outbox.flush()

    # --- the next move -------------------------------------------------------------------------------------------

    def _next_move(self, now: float) -> None:
        """Hands out work, rests, leaves or starts, depending on the state and the queue; is called after any change."""
        state = self.state
        if state is State.DRAINING or self.process.unwanted:
            self._jobs.running.limit_cancel(now)
        if state in (State.READY, State.BUSY):
            self._serve(now)
        elif state is State.DRAINING and not self._jobs.running:
            self._lifecycle.ask_to_leave(now)
        elif state is State.STOPPED and self.waiting and not self._held:
            self._lifecycle.wait(now)
        elif state is State.WAITING and not self.waiting:
            self._lifecycle.end(now)

    def _serve(self, now: float) -> None:
        for warm in self._jobs.queue.warming() if not self.retires else ():
            self._jobs.queue.remove(warm)
            self._lease(warm, now)
            self._jobs.finish(warm, m.Result(id=warm.id, data={"worker": self.name, **self._lifecycle.where()}))
        # A used-up process is replaced after a job, so that no job waits for its replacement.
        if self.state is State.BUSY:
            self._check_usage(now)
        while not self.retires and (request := self._jobs.queue.next(now)):
            if self.state is State.READY:
                self._lifecycle.begin(now)
            self._jobs.run(request, now)
        if self._jobs.running:
            return
        if self.state is State.BUSY:
            self._lifecycle.enter(State.READY)
        if self.process.retiring:
            self._replace(now)
        else:
            self._rest(now)

    def _stop(self, now: float) -> None:
        """Comes to a stop without a process, and starts the next one where a request waits."""
        self._lifecycle.enter(State.STOPPED)
        self._next_move(now)

    def _rest(self, now: float) -> None:
        """Waits, READY with nothing to do, for as long as the leases say; or leaves."""
        self._lifecycle.rest(self._leases.expiry(self.settings.keep_alive, now), now)

    def _recycle_if_used_up(self, now: float) -> None:
        """Replaces a process that is used up: at once if it is idle, else once nothing runs on it."""
        if self.state in (State.READY, State.BUSY):
            retired = self.retires
            self._check_usage(now)
            if self.state is State.READY and self.process.retiring:
                self._replace(now)
            elif retired and not self.retires:
                self._next_move(now)  # waiting requests may run again

    def _check_usage(self, now: float) -> None:
        """Retires a process that is used up; takes this back if only a job had made it large."""
        self._lifecycle.check_usage(self._jobs.timings.completed, now)

    def _replace(self, now: float) -> None:
        self._lifecycle.ask_to_leave(now, f"leaves ({self.process.retiring})")

    def _lease(self, request: ActiveRequest, now: float) -> None:
        """Records the lease that a request earned by running."""
        self._leases.use(request.holder, request.message.keep_alive, now)

    def _watch(self, now: float) -> None:
        """Ends overdue jobs, and a process that hangs."""
        if self.state not in WATCHED:
            return
        for request in self._jobs.expire_running(now):
            self._lease(request, now)
        if self._jobs.running.cancel_ignored(now):
            self._lifecycle.kill(now, "ignored a cancel", "WARNING", expected=True)
        elif self._jobs.running.stalled(now, self.settings.stall_timeout):
            self._lifecycle.kill(now, "stalled: no output and no CPU time for too long")
        elif self._lifecycle.hangs(now):
            self._lifecycle.kill(now, f"hangs: no sign of life for {BEAT_TIMEOUT_S:.0f} s")

    @property
    def _loads(self) -> bool:
        """True if waiting requests wait for a process to become ready."""
        return self.state is not State.BUSY and not self._held

    def _end(self, now: float) -> list[Action]:
        """Ends the worker whatever its leases say; running jobs have a limited time to finish."""
        self._leases.clear()
        if self.state in (State.STOPPED, State.BACKOFF, State.FAILED):
            self._crashes.forget()
        if self.state in (State.BACKOFF, State.FAILED):
            self._stop(now)
        elif self.state is not State.WAITING or not self.waiting:
            self._lifecycle.end(now)
        if self.state is State.DRAINING:
            self._jobs.running.limit_cancel(now)
        return self._outbox.flush()

    def _actions_after(self, request: ActiveRequest, now: float) -> list[Action]:
        """Returns the actions, after moving on from a `request` that has ended.
        It may have been the last waiting request, or a suspect that held others up."""
        if request.done and request.cancelled:
            self._lease(request, now)
        if request.done and (request.cancelled or request.alone or not self.waiting):
            self._next_move(now)
        return self._outbox.flush()
