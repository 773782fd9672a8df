"""One worker: the requests given to it, and the conclusions from its messages and its death.

A `Worker` receives events and the time, and returns actions; it never acts, waits or looks at a clock. Its `Lifecycle`
owns the process and the states, its `Jobs` the requests; here they meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from hushd_protocol import messages as m
from hushd_protocol.errors import CODES, HushdError
from hushd_protocol.limits import EXIT_CARD_FAILED
from hushd_schema.settings import WorkerSettings
from hushd_schema.settings.declaration import REPLACES, settings_of

from hushd_supervisor.core.actions import Action
from hushd_supervisor.core.share import has_room

from .crashes import COOLDOWN_S, Crashes
from .death import Death
from .dispatch import Dispatcher
from .jobs import ENDINGS, Jobs
from .leases import Leases
from .lifecycle import WATCHED, Lifecycle
from .place import ANYWHERE, Place
from .request import ActiveRequest
from .shortage import Shortage
from .states import State

STARVED_RETRY_MS = 1000
_OF_PROCESS = [name for name, setting in settings_of(WorkerSettings).items() if setting.reload == REPLACES]


class Worker:
    """One worker, over all its generations.

    Attributes:
        shortage: the last load, if it failed because memory was short.
        displaced: requests that the worker of the fall-back is to take over; the fleet hands them on.
        cpu_reason: the reason why the next process is to be started for the CPU; empty: it need not.
    """

    def __init__(self, name: str, settings: WorkerSettings, generations: Iterator[int]) -> None:
        self._out: list[Action] = []
        self.name = name
        self.lifecycle = Lifecycle(name, settings, generations, self._out)
        self.jobs = Jobs(name, self._out)
        self.leases = Leases(settings.keep_alive)
        self.crashes = Crashes()
        self.capabilities: Mapping[str, object] = {}  # of the last process that became ready
        self._dispatch = Dispatcher(self.lifecycle, self.jobs, self.leases)
        self.shortage: Shortage | None = None
        self.displaced: list[ActiveRequest] = []
        self.cpu_reason = ""
        self._verdict = ("worker_failed", "")  # the error of requests while FAILED
        self._down = False

    @property
    def state(self) -> State:
        return self.lifecycle.state

    @property
    def gen(self) -> int:
        return self.lifecycle.gen

    @property
    def settings(self) -> WorkerSettings:
        return self.lifecycle.settings

    @property
    def cards_mb(self) -> dict[str, float]:
        """The memory that the process takes of graphics cards, by their places on the bus, as it reports."""
        cards = self.lifecycle.cards if self.state.has_process else {}
        return {id: round(size / 1e6, 1) for id, size in cards.items()}

    @property
    def stays_for(self) -> int:
        """The number of jobs for which a process stays that was asked to leave."""
        if self.state is State.STARTING:
            return len(self.jobs.waiting)
        return self.jobs.uncancelled if self.state in WATCHED else 0

    @property
    def unheard(self) -> bool:
        """Whether the process only works at what nobody waits for any more, and nobody waits for it."""
        return self.state is State.BUSY and not (self.jobs.uncancelled or self.jobs.waiting)

    @property
    def may_leave_card(self) -> bool:
        """Whether the settings let the CPU take over from a card."""
        fallback = self.settings.fallback
        return fallback == "cpu" or (self.settings.compute_device == "auto" and not fallback)

    # --- what clients do -----------------------------------------------------------------------------------------

    def submit(self, request: ActiveRequest, now: float) -> list[Action]:
        """Accepts a request, which will end exactly once: here and now, or later."""
        if self.state is State.STOPPED:
            self.shortage, self.cpu_reason = None, ""
        if self._down:
            self.jobs.fail(request, "shutting_down", "hushd is shutting down; ask again in a moment.")
        elif self.state is State.FAILED:
            self.jobs.fail(request, *self._verdict, retry_after_ms=self.lifecycle.retry_ms(now))
        elif not (self.would_run(request) or self._has_room(request)):
            message = f"{len(self.jobs.waiting)} requests wait for {self.name} already; try again later."
            self.jobs.fail(request, "overloaded", message, self.jobs.wait_ms(request))
        else:
            self.jobs.wait(request, now)
            self._dispatch.settle(now)
            if request in self.jobs.waiting:
                self.jobs.report_place(
                    request, "queued" if self.state is State.BUSY or self._dispatch.held else "starting"
                )
        return self._take()

    def decline(self, request: ActiveRequest, error: HushdError) -> list[Action]:
        """Ends a request that no other worker can take over."""
        self.jobs.finish(request, m.Error.of(request.id, error))
        return self._take()

    def would_run(self, request: ActiveRequest) -> bool:
        """Whether a newcomer would be handed to the process at once."""
        loaded = self.state in (State.READY, State.BUSY) and self.lifecycle.computes_on(request.message.compute_device)
        return loaded and not self.lifecycle.retires and self.jobs.would_run(request)

    def give(self, request: ActiveRequest, now: float) -> list[Action]:
        """Hands over a waiting request to a replica where it would run."""
        self.jobs.queue.serve(request, now)
        self.jobs.queue.sort(now)
        self._dispatch.settle(now)
        return self._take()

    def adopt(self, request: ActiveRequest, now: float) -> list[Action]:
        """Takes over a request that waited at another replica."""
        request.worker = self.name
        self.jobs.wait(request, now)
        self._dispatch.settle(now)
        return self._take()

    def cancel(self, request: ActiveRequest, now: float, code: str = "cancelled") -> list[Action]:
        """Ends `request` with `code`: at once while it waits, through the engine while it runs."""
        self.jobs.cancel(request, now, code)
        return self._take_after(request, now)

    def input(self, request: ActiveRequest, chunk: m.Chunk, now: float) -> list[Action]:
        """Passes a chunk of input on."""
        self.jobs.input(request, chunk, now)
        return self._take_after(request, now)

    def grant(self, request: ActiveRequest, chunks: int, now: float) -> list[Action]:
        """Passes credit for `chunks` more of output on."""
        self.jobs.grant(request, chunks, now)
        return self._take_after(request, now)

    def release(self, is_theirs: Callable[[str], bool], now: float) -> list[Action]:
        """Drops the leases of a connection that held them in its own name, or of a machine: it is gone."""
        if self.leases.holder_left(is_theirs) and self.state is State.READY:
            self._dispatch.rest(now)
        return self._take()

    def release_all(self, holders: str, now: float) -> list[Action]:
        """Drops all leases of the holders whose names begin so."""
        if self.leases.drop(holders) and self.state is State.READY:
            self._dispatch.rest(now)
        return self._take()

    # --- what the pool decides -----------------------------------------------------------------------------------

    def admit(self, now: float, place: Place = ANYWHERE, compute_device: str = "") -> list[Action]:
        """Starts the process that waits for memory, at `place`: there is enough."""
        if self.state is State.WAITING:
            self.lifecycle.start(now, place, self.jobs.device_asked or compute_device, self.cpu_reason)
            self.jobs.begin(self.gen)
        return self._take()

    def help(self, now: float, place: Place, compute_device: str) -> list[Action]:
        """Starts a process for a family whose other replicas have too much to do; nobody waits here yet."""
        self.lifecycle.wait(now)
        return self.admit(now, place, compute_device)

    def carry_on(self, now: float) -> list[Action]:
        """Hands out work although the process retires: no other one can take it."""
        if self.lifecycle.retires:
            self._dispatch.carry_on(now)
        return self._take()

    def refuse(self, now: float, message: str, retry_after_ms: int) -> list[Action]:
        """Gives up the wait for memory: there is none, and nobody can leave for it."""
        if self.state is State.WAITING:
            self.jobs.fail_waiting("server_busy", message, retry_after_ms)
            self.lifecycle.end(now)
        return self._take()

    def patient_until(self, patience: float) -> float:
        """The time at which the first of the requests will have waited for memory for `patience` seconds."""
        since = self.lifecycle.waits_since
        return min(max(request.arrived, since) + patience for request in self.jobs.waiting)

    def hold_back(self, now: float, patience: float, message: str, retry_after_ms: int) -> list[Action]:
        """Has the start wait on; refuses the requests that have waited for `patience` seconds."""
        if self.state is State.WAITING:
            self.lifecycle.wait_on(now)
            since = self.lifecycle.waits_since
            for request in [t for t in self.jobs.waiting if max(t.arrived, since) + patience <= now]:
                self.jobs.waiting.remove(request)
                self.jobs.fail(request, "server_busy", message, retry_after_ms)
            if not self.jobs.waiting:
                self.lifecycle.end(now)
        return self._take()

    def lack(self, now: float, message: str, retry_after_ms: int, on_card: bool = False) -> list[Action]:
        """There is no memory for the process: the fall-back of its settings takes over, else it is given up.

        Args:
            on_card: it is a card's memory. Then a start for the CPU, if that may be, goes on waiting for memory.
        """
        fallback, self.shortage = self.settings.fallback, None
        if on_card and not self.cpu_reason and self.may_leave_card:
            self.cpu_reason = "the card had no memory for it"
            return self._take()
        if fallback not in ("", "cpu"):
            self.displaced = self.jobs.displace()
        return self.refuse(now, message, retry_after_ms)

    def evict(self, now: float) -> list[Action]:
        """Leaves if it is idle, whatever its leases say: its memory is needed."""
        if self.state is State.READY and not self.settings.pinned:
            self.lifecycle.log("INFO", f"{self.name} makes room")
            self.lifecycle.leave(now)
        elif self.unheard and not self.settings.pinned:
            self.lifecycle.log("INFO", f"{self.name} makes room, in the middle of what nobody waits for")
            self.lifecycle.kill(now, expected=True)
        return self._take()

    def retire(self, why: str, now: float) -> list[Action]:
        """Has the process replaced: at once if it is idle, else once nothing runs on it."""
        self._dispatch.retire(why, now)
        return self._take()

    # --- what the owner does -------------------------------------------------------------------------------------

    def unload(self, now: float, owner: bytes = b"", force: bool = False) -> list[Action]:
        """Ends the worker whatever its leases say: the jobs of the client `owner` at once, others' jobs finish first.

        With `force` those that run are stopped too, and repeated by another process where nothing is lost by it.
        """
        self.jobs.cancel_all_of(owner, now)
        if force:
            self.jobs.stop("shutting_down" if self._down else "worker_stopped", now)
        if self.state is not State.BUSY and (force or not self.stays_for):
            return self._end(now)
        self.leases.clear()
        self._dispatch.retire("unloaded", now)
        return self._take()

    def configure(self, settings: WorkerSettings, now: float) -> list[Action]:
        """Applies other settings; a process that was started with others finishes its jobs and leaves."""
        before, self.lifecycle.settings = self.settings, settings
        self.leases.set_default(settings.keep_alive)
        if _program(before) != _program(settings):
            if self.state is not State.BUSY:
                return self._end(now)
            self._dispatch.retire("its configuration has changed", now)
        if self.state is State.READY:
            self._dispatch.rest(now)
        return self._take()

    def hold(self, now: float) -> list[Action]:
        """Starts nothing any more: running jobs finish, and waiting requests go on waiting, until `shutdown`."""
        self._dispatch.held = True
        if self.state is State.WAITING:
            self.lifecycle.end(now)
        return self._take() + self._end(now)

    def shutdown(self, now: float) -> list[Action]:
        """Refuses what waits, lets running jobs finish; called again, or after `hold`, waits for nothing."""
        first = not self._down
        if first:
            self._down = True
            self.jobs.repeat_none()
            self.jobs.fail_waiting("shutting_down", "hushd is shutting down; ask again in a moment.")
        if first and not self._dispatch.held:
            return self._take() + self._end(now)
        if self.state.has_process and self.state is not State.KILLING:
            self.jobs.give_up()
            self.lifecycle.kill(now, expected=True)
        return self._take()

    # --- what the worker does ------------------------------------------------------------------------------------

    def receive(self, gen: int, message: m.Message, now: float) -> list[Action]:
        """Handles a message of generation `gen`."""
        if not self.lifecycle.is_current(gen):
            return []
        self.lifecycle.receive(message, now)
        match message:
            case m.Chunk() | m.Partial() | m.Progress() | m.Credit() | m.Result() | m.Error():
                self._answer(message.id, message, now)
            case m.Ready() if self.state is State.STARTING:
                self.jobs.queue.slots, self.jobs.queue.sessions = max(1, message.slots), max(0, message.sessions)
                self.jobs.queue.aside = max(0, message.aside)
                self.capabilities = message.capabilities
                self.shortage, self.cpu_reason = None, ""
                self.lifecycle.become_ready(message, now)
                self.leases.use("", None, now)
                self._dispatch.settle(now)
            case m.LoadFailed(code="server_busy") if self.state is State.STARTING and self.jobs.waiting:
                self.shortage = Shortage(message.message, message.on_card, final=self.shortage is not None)
                self.lifecycle.leaves(now)
            case m.LoadFailed() if self.state is State.STARTING:
                self.jobs.fail_waiting(message.code if message.code in CODES else "worker_failed", message.message)
                self.lifecycle.leaves(now)
            case m.Beat():
                self.jobs.spend(self.lifecycle.spent(message.cpu_s))
                if self.lifecycle.has_worked(message.cpu_s):
                    self.jobs.touch(now)
                self._dispatch.watch(now)
                self._dispatch.recycle(now)
            case m.Bye():
                if self.state is State.READY:
                    self.lifecycle.log("WARNING", f"{self.name} leaves unasked")
                    self.lifecycle.leaves(now)
                self.lifecycle.send(m.Bye())
        return self._take()

    def spawned(self, gen: int, now: float) -> None:
        """The process of generation `gen` runs."""
        if self.lifecycle.is_current(gen):
            self.lifecycle.spawned(now)

    def unreachable(self, gen: int, now: float) -> list[Action]:
        """Kills the process: a message for it could not be sent, or it sent garbage."""
        if gen == self.gen and self.state in (State.STARTING, State.READY, *WATCHED):
            self.lifecycle.kill(now)
        return self._take()

    def starve(self, gen: int, reason: str, now: float) -> list[Action]:
        """Refuses the requests that wait: no process could be started, which says nothing of the worker."""
        if not self.lifecycle.is_current(gen):
            return []
        self.lifecycle.exited(now)
        self.lifecycle.log("WARNING", f"{self.name} cannot be started now: {reason}")
        if not self._dispatch.held:
            message = f"{self.name} cannot be started now ({reason}): ask again in a moment."
            self.jobs.fail_waiting("server_busy", message, STARVED_RETRY_MS)
        self._stop(now)
        return self._take()

    def exited(self, gen: int, status: int, log_tail: str, now: float, out_of_memory: bool = False) -> list[Action]:
        """The process of generation `gen` is gone, and all that it had sent was received before."""
        if not self.lifecycle.is_current(gen):
            return []
        death = Death.of(self.name, self.lifecycle, status, log_tail, out_of_memory)
        lost = self.jobs.lose()
        ready_for = self.lifecycle.exited(now)
        if self.lifecycle.expected or (death.state is State.READY and status == 0):
            code = "shutting_down" if self._down else "worker_stopped"
            for request in lost:
                self.jobs.repeat_or_fail(request, now, not self._down, HushdError(code, ENDINGS[code]))
            self._stop(now)
            return self._take()
        self.lifecycle.log("ERROR", f"{self.name} died: {death.cause}")
        self.crashes.add(now, frozenset(request.key for request in lost), ready_for)
        explained = death.end_lost(lost, self.jobs, self.crashes, now, repeat=not self._down)
        self._verdict = death.verdict(bool(lost))
        if status == EXIT_CARD_FAILED and self.may_leave_card:
            self.cpu_reason = "the card failed"
        if self._down or self._dispatch.held or explained:
            self._stop(now)
        elif self.crashes.too_many():
            self.lifecycle.enter(State.FAILED, now + COOLDOWN_S)
            self.jobs.fail_waiting(*self._verdict, retry_after_ms=self.lifecycle.retry_ms(now))
        else:
            self.lifecycle.enter(State.BACKOFF, now + self.crashes.next_delay())
        return self._take()

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` must be called, `math.inf` for never."""
        due = min(self.lifecycle.deadline(), self.jobs.waiting_deadline())
        return min(due, self.jobs.running_deadline(self.settings.stall_timeout)) if self.state in WATCHED else due

    def excuse(self, late: float, now: float) -> None:
        """Takes `late` seconds, in which the supervisor heard nobody, out of every watch."""
        self.lifecycle.excuse(late, now)
        self.jobs.excuse(late, now)

    def on_time(self, now: float) -> list[Action]:
        """Acts on the deadlines that have passed at `now`."""
        if self.jobs.expire_waiting(now):
            self._dispatch.settle(now)
        if self.jobs.set_aside(now):
            self._dispatch.settle(now)
        self._dispatch.watch(now)
        match self.lifecycle.on_time(now):
            case State.WAITING:
                message = (
                    f"There is no memory for {self.name}: the workers asked to leave for it have not left in time."
                )
                self.jobs.fail_waiting("server_busy", message, 5000)
            case State.DRAINING:
                self.jobs.give_up()
            case State.BACKOFF | State.FAILED as closed:
                if closed is State.FAILED:
                    self.crashes.forget()
                self._dispatch.settle(now)
        return self._take()

    # --- inside --------------------------------------------------------------------------------------------------

    def _has_room(self, request: ActiveRequest) -> bool:
        waiting = ((other.route, other.rank) for other in self.jobs.waiting)
        return has_room(request.route, request.rank, waiting, self.settings.queue)

    def _end(self, now: float) -> list[Action]:
        """Ends the worker whatever its leases say; running jobs have a limited time to finish."""
        self.leases.clear()
        if self.state in (State.STOPPED, State.BACKOFF, State.FAILED):
            self.crashes.forget()
        if self.state in (State.BACKOFF, State.FAILED):
            self._stop(now)
        elif self.state is not State.WAITING or not self.jobs.waiting:
            self.lifecycle.end(now)
        if self.state is State.DRAINING:
            self.jobs.hurry(now)
        return self._take()

    def _stop(self, now: float) -> None:
        self.lifecycle.enter(State.STOPPED)
        self._dispatch.settle(now)

    def _answer(self, request_id: bytes, message: m.Message, now: float) -> None:
        """Passes a message of the process on to the client of a running request."""
        request = self.jobs.running.get(request_id)
        if request is None:  # it may have ended while this was on its way
            return
        unheard = request.done
        if not self.jobs.receive(request, message, now):
            self.lifecycle.log("ERROR", f"{self.name} sends without credit")
            if self.state in WATCHED:
                self.lifecycle.kill(now)
        elif request.id not in self.jobs.running:  # it has ended, or is to be repeated
            if unheard:
                self.leases.worked(now)
            elif request.done:
                self._dispatch.lease(request, now)
            self._dispatch.settle(now)

    def _take_after(self, request: ActiveRequest, now: float) -> list[Action]:
        """As `_take`. A `request` that has ended may have been the last to wait, or a suspect that held others up."""
        if request.done and request.cancelled:
            self._dispatch.lease(request, now)
        if request.done and (request.cancelled or request.alone or not self.jobs.waiting):
            self._dispatch.settle(now)
        return self._take()

    def _take(self) -> list[Action]:
        out = self._out.copy()
        self._out.clear()
        return out


def _program(settings: WorkerSettings) -> tuple[object, ...]:
    """The part of the settings that a process has from its start on."""
    return tuple(getattr(settings, name) for name in _OF_PROCESS)
