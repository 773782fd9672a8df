"""One worker: its parts, the requests of its clients, and the commands of its owner.

A `Worker` receives events and the time, and returns actions; it never acts, waits or looks at a clock. Its `Lifecycle`
owns the process and the states, its `Jobs` the requests. Events of the process go to `News`, decisions about its
memory to its `WorkerRoom`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hushd_protocol import messages as m
from hushd_protocol.cards import ANY_KIND
from hushd_schema.settings import WorkerSettings
from hushd_schema.settings.declaration import REPLACES, settings_of

from hushd_supervisor.core.actions import Action, Outbox

from .crashes import Crashes
from .dispatch import Dispatcher
from .jobs import Jobs
from .leases import Leases
from .lifecycle import WATCHED, Lifecycle
from .news import News
from .process import Process
from .request import ActiveRequest
from .room import WorkerRoom
from .states import State

_OF_PROCESS = [name for name, setting in settings_of(WorkerSettings).items() if setting.reload == REPLACES]


class Worker:
    """One worker, over all its generations.
    `card_kinds`: the kinds of graphics cards that the engine of a worker of this name may be able to use."""

    def __init__(
        self,
        name: str,
        settings: WorkerSettings,
        generations: Iterator[int],
        card_kinds: Callable[[str], tuple[str, ...]] = lambda _: ANY_KIND,
    ) -> None:
        self._outbox = outbox = Outbox()
        self.name = name
        self.lifecycle = Lifecycle(name, settings, generations, outbox, card_kinds)
        self.jobs = Jobs(name, outbox)
        self.leases = Leases(settings.keep_alive)
        self.crashes = Crashes()
        self._dispatch = Dispatcher(self.lifecycle, self.jobs, self.leases)
        self.room = WorkerRoom(self.lifecycle, self.jobs, self._dispatch, outbox)
        self.news = News(self.lifecycle, self.jobs, self.leases, self._dispatch, self.room, self.crashes, outbox)

    @property
    def state(self) -> State:
        return self.lifecycle.state

    @property
    def process(self) -> Process:
        return self.lifecycle.process

    @property
    def gen(self) -> int:
        return self.lifecycle.gen

    @property
    def settings(self) -> WorkerSettings:
        return self.lifecycle.settings

    @property
    def retires(self) -> bool:
        """True if the process works, gets no more jobs, and leaves after the last."""
        return self._dispatch.retires

    @property
    def cards_mb(self) -> dict[str, float]:
        """The memory that the process reports to take on each graphics card, by the card's place on the bus."""
        cards = self.process.cards if self.state.has_process else {}
        return {id: round(size / 1e6, 1) for id, size in cards.items()}

    @property
    def stays_for(self) -> int:
        """The number of jobs that keep a process from leaving when it is asked to."""
        if self.state is State.STARTING:
            return len(self.jobs.waiting)
        return self.jobs.running.uncancelled if self.state in WATCHED else 0

    # --- what clients do -----------------------------------------------------------------------------------------

    def submit(self, request: ActiveRequest, now: float) -> list[Action]:
        """Accepts a request, which will end exactly once, now or later."""
        if self.state is State.STOPPED:
            self.room.forget()
        if self.state is State.FAILED:
            self.jobs.fail(request, *self.news.verdict, retry_after_ms=self.lifecycle.retry_ms(now))
        elif not (self.would_run(request) or self.jobs.queue.has_room(request, self.settings.queue)):
            full = f"{len(self.jobs.waiting)} requests wait for {self.name} already; try again later."
            self.jobs.fail(request, "overloaded", full, self.jobs.wait_ms(request))
        else:
            self.jobs.wait(request, now)
            self._dispatch.settle(now)
            if request in self.jobs.waiting:
                state = "starting" if self._loads else "queued"
                self.jobs.report_position(request, state, now, self.lifecycle.awaited(now))
        return self._outbox.take()

    def would_run(self, request: ActiveRequest) -> bool:
        """Returns whether a new request would be handed to the process at once."""
        loaded = self.state in (State.READY, State.BUSY)
        return loaded and not self.retires and self.jobs.queue.would_run(request)

    def give(self, request: ActiveRequest, now: float) -> list[Action]:
        """Hands over a waiting request to a replica where it would run."""
        self.jobs.queue.remove(request, served=True)
        self._dispatch.settle(now)
        return self._outbox.take()

    def adopt(self, request: ActiveRequest, now: float) -> list[Action]:
        """Takes over a request that waited at another replica."""
        request.move(self.name)
        self.jobs.wait(request, now)
        self._dispatch.settle(now)
        return self._outbox.take()

    def cancel(self, request: ActiveRequest, now: float, code: str = "cancelled") -> list[Action]:
        """Ends `request` with `code`: at once while it waits, through the engine while it runs."""
        self.jobs.cancel(request, now, code)
        return self._take_after(request, now)

    def input(self, request: ActiveRequest, chunk: m.Chunk, now: float) -> list[Action]:
        self.jobs.input(request, chunk, now)
        return self._take_after(request, now)

    def grant(self, request: ActiveRequest, chunks: int, now: float) -> list[Action]:
        """Passes on credit for `chunks` more of output."""
        self.jobs.grant(request, chunks, now)
        return self._take_after(request, now)

    def release(self, holder: str, now: float) -> list[Action]:
        """Drops the lease of a closed connection that held it in its own name."""
        if self.leases.holder_left(holder) and self.state in (State.READY, State.SUSPENDED):
            self._dispatch.rest(now)
        return self._outbox.take()

    # --- what the pool decides -----------------------------------------------------------------------------------

    def unload(self, now: float, owner: bytes = b"", force: bool = False) -> list[Action]:
        """Ends the worker whatever its leases say: jobs of the client `owner` end at once, other jobs finish first.
        With `force` running jobs are stopped too, and repeated by another process where nothing is lost."""
        self.jobs.cancel_all_of(owner, now)
        if force:
            self.jobs.stop("shutting_down" if self._dispatch.down else "worker_stopped", now)
        if self.state is not State.BUSY and (force or not self.stays_for):
            return self._end(now)
        self.leases.clear()
        self._dispatch.retire("unloaded", now)
        return self._outbox.take()

    def configure(self, settings: WorkerSettings, now: float) -> list[Action]:
        """Applies new settings; a process started with old ones finishes its jobs and leaves."""
        previous = self.settings
        self.lifecycle.configure(settings)
        self.leases.set_default(settings.keep_alive)
        if _program(previous) != _program(settings):
            if self.state is not State.BUSY:
                return self._end(now)
            self._dispatch.retire("its configuration has changed", now)
        if self.state in (State.READY, State.SUSPENDED):
            self._dispatch.rest(now)
        return self._outbox.take()

    def hold(self, now: float) -> list[Action]:
        """Starts no more jobs: running ones finish, and waiting requests go on waiting, until `shutdown`."""
        self._dispatch.hold()
        if self.state is State.WAITING:
            self.lifecycle.end(now)
        return self._outbox.take() + self._end(now)

    def shutdown(self, now: float) -> list[Action]:
        """Refuses waiting requests and lets running jobs finish; called again, or after `hold`, waits for nothing."""
        first = not self._dispatch.down
        if first:
            self._dispatch.shut()
            self.jobs.running.repeat_none()
            self.jobs.fail_waiting("shutting_down", "hushd is shutting down; ask again in a moment.")
        if first and not self._dispatch.held:
            return self._outbox.take() + self._end(now)
        if self.state.has_process and self.state is not State.KILLING:
            self.jobs.running.give_up()
            self.lifecycle.kill(now, expected=True)
        return self._outbox.take()

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` must be called, `math.inf` for never."""
        deadline = min(self.lifecycle.deadline(), self.jobs.waiting_deadline())
        if self.state not in WATCHED:
            return deadline
        return min(deadline, self.jobs.running.deadline(self.settings.stall_timeout, self.jobs.queue.aside > 0))

    def excuse(self, late: float, now: float) -> None:
        """Extends every watch by `late` seconds, in which the supervisor heard nobody."""
        self.lifecycle.excuse(late, now)
        self.jobs.running.excuse(late, now)

    def on_time(self, now: float) -> list[Action]:
        if self.jobs.queue.aside and self.jobs.running.set_aside(now):
            self._dispatch.settle(now)
        self._dispatch.watch(now)
        if self.jobs.attend("starting" if self._loads else "queued", self.lifecycle.awaited(now), now):
            self._dispatch.settle(now)
        match self.lifecycle.on_time(now):
            case State.WAITING:
                late = f"There is no memory for {self.name}: the workers asked to leave for it have not left in time."
                self.jobs.fail_waiting("server_busy", late, 5000)
            case State.DRAINING:
                self.jobs.running.give_up()
            case State.BACKOFF | State.FAILED as closed:
                if closed is State.FAILED:
                    self.crashes.forget()
                self._dispatch.settle(now)
        return self._outbox.take()

    @property
    def _loads(self) -> bool:
        """True if waiting requests wait for a process to become ready."""
        return self.state is not State.BUSY and not self._dispatch.held

    def _end(self, now: float) -> list[Action]:
        """Ends the worker whatever its leases say; running jobs have a limited time to finish."""
        self.leases.clear()
        if self.state in (State.STOPPED, State.BACKOFF, State.FAILED):
            self.crashes.forget()
        if self.state in (State.BACKOFF, State.FAILED):
            self._dispatch.stop(now)
        elif self.state is not State.WAITING or not self.jobs.waiting:
            self.lifecycle.end(now)
        if self.state is State.DRAINING:
            self.jobs.running.hurry(now)
        return self._outbox.take()

    def _take_after(self, request: ActiveRequest, now: float) -> list[Action]:
        """Returns the actions, after moving on from a `request` that has ended.
        It may have been the last waiting request, or a suspect that held others up."""
        if request.done and request.cancelled:
            self._dispatch.lease(request, now)
        if request.done and (request.cancelled or request.alone or not self.jobs.waiting):
            self._dispatch.settle(now)
        return self._outbox.take()


def _program(settings: WorkerSettings) -> tuple[object, ...]:
    """The settings that are fixed when a process starts."""
    return tuple(getattr(settings, name) for name in _OF_PROCESS)
