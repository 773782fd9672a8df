"""The processes of one worker: how each starts, is watched, comes to rest, and ends.

A `Lifecycle` owns the state, its timers and the moves between states. It knows nothing of requests: the `Worker`
decides which jobs the process gets, and what follows from its messages and its death. Three rules settle the races:

- every process has a generation, and news of an old one is dropped;
- a stop is never reversed: a request that comes meanwhile waits for the exit and starts the next generation at once;
- nothing is started before the exit of the last process was seen, so there is never a second one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from hushd_protocol import messages as m
from hushd_protocol.cards import ANY_KIND, is_card
from hushd_schema.settings import WorkerSettings

from hushd_supervisor.core.actions import Action, Gauge, Kill, Log, Restore, Spawn, Suspend, ToWorker

from .process import AWAY, COMING, GOING, START_LOOK_INTERVAL_S, Place, Process, Progress, Used
from .states import ALLOWED, State

BEAT_TIMEOUT_S = 6.0  # three beats of 2 s
EXIT_TIMEOUT_S = 5.0  # seconds from `drain` to the exit
MAX_EXTRA_EXIT_S = 60.0  # seconds that a worker may have beyond that
ROOM_S = 15.0  # seconds in which idle workers make room for a start: longer than their grace and a kill
START_GUESS_S = 1.0  # the assumed time of a start until one has succeeded
# A restore takes its time for room on the card, and then for the way back to it: longer than any of a living process.
RESTORE_TIMEOUT_S = 10.0
ALARM_S = 5.0  # a process that SIGKILL has not ended sleeps in the kernel: log it, and try again

WATCHED = (State.BUSY, State.DRAINING)  # jobs run, and the process must beat


class Lifecycle:
    """The processes of one worker, one after another.

    Args:
        generations: numbers processes across all workers, so that news of one is never taken for another's.
        card_kinds: the kinds of graphics cards that the engine of a worker of this name may be able to use.

    Attributes:
        state: only ever changed by `enter`.
        start_s: seconds that the last successful start took.
        waits_since: when the wait for memory began.
        hope: that others may free that memory, in a few words; empty if nobody was asked.
        need: bytes that the process is expected to take, 0 where that is not known.
        failure: the reason why the last process died, until another is ready; empty otherwise.
        rests_until: when an idle process leaves; `math.inf` for never.
    """

    def __init__(
        self,
        name: str,
        settings: WorkerSettings,
        generations: Iterator[int],
        outbox: list[Action],
        card_kinds: Callable[[str], tuple[str, ...]] = lambda _: ANY_KIND,
    ) -> None:
        self.name = name
        self.settings = settings
        self.state = State.STOPPED
        self.process = Process()
        self.starts = 0
        self.start_s = START_GUESS_S
        self.was_ready = False
        self.waits_since = 0.0
        self.hope = self.failure = ""
        self.need = 0
        self.rests_until = math.inf
        self._refused = False  # a suspension
        self._grace_s = EXIT_TIMEOUT_S
        self._card_kinds = card_kinds
        self._generations = generations
        self._outbox = outbox
        self._timer = math.inf  # time when the state ends by itself
        self._beat_due = math.inf

    # --- the process ---------------------------------------------------------------------------------------------

    @property
    def gen(self) -> int:
        return self.process.gen

    def is_current(self, gen: int) -> bool:
        """Returns whether generation `gen` is the living process."""
        return gen == self.gen and self.state.has_process

    @property
    def card_kinds(self) -> tuple[str, ...]:
        """The kinds of graphics cards that its engine may be able to use; all kinds for an unknown program."""
        return ANY_KIND if self.settings.command else self._card_kinds(self.name)

    @property
    def on_card(self) -> bool:
        """True if the process computes on a graphics card, or was started to."""
        process = self.process
        if process.card or process.kind:
            return bool(process.card) or is_card(process.kind)
        return is_card(process.place.device or self.settings.compute_device) and bool(self.card_kinds)

    @property
    def holds_card(self) -> bool:
        """True if the process has, or will have, memory of a graphics card."""
        return self.on_card and not self.off_card

    @property
    def off_card(self) -> bool:
        """True if the process is suspended, and has nothing on its card."""
        return self.state is State.SUSPENDED and self.process.phase == AWAY

    @property
    def can_suspend(self) -> bool:
        """True if the process rests on a card from which it can be suspended, as its settings allow."""
        allowed = self.settings.suspend_after >= 0 and not self.settings.pinned
        return self.state is State.READY and self.process.suspends and allowed

    def configure(self, settings: WorkerSettings) -> None:
        self.settings = settings

    def send(self, message: m.Message) -> None:
        self._outbox.append(ToWorker(self.name, self.gen, message))

    def log(self, level: str, text: str) -> None:
        self._outbox.append(Log(level, text))

    # --- moves ---------------------------------------------------------------------------------------------------

    def enter(self, state: State, timer: float = math.inf) -> None:
        """Moves to `state`, which ends by itself at `timer`."""
        assert (self.state, state) in ALLOWED, f"{self.state} -> {state}"
        self.state = state
        self._timer = timer

    def wait(self, now: float) -> None:
        """Waits for memory."""
        self.waits_since, self.hope = now, ""
        self.enter(State.WAITING, now + ROOM_S)

    def wait_on(self, now: float) -> None:
        """Starts the wait for memory again."""
        self._timer = now + ROOM_S

    def hopes(self, note: str) -> bool:
        """Notes why it goes on waiting for memory; returns whether that is new."""
        is_new, self.hope = note != self.hope, note
        return is_new

    def start(self, now: float, place: Place, cpu_reason: str = "", need: int = 0) -> None:
        """Starts the next generation on the device of `place`, where it is expected to take `need` bytes."""
        self.need = need or self.need
        gen = next(self._generations)
        self.process = Process(gen, place, cpu_reason, started_at=now, card=place.card)
        self.starts += 1
        if place.why:
            self.log("INFO", f"{self.name} starts on the CPU: {place.why}")
        device, visible_card = ("", place.device) if place.card else (place.device, "")
        self._outbox.append(Spawn(self.name, gen, device, visible_card, place.why))
        self.enter(State.STARTING)

    def spawned(self, now: float) -> None:
        """Starts the watch over the process, which runs from now on: any earlier delay was the supervisor's."""
        self.process.started_at = now
        if self.state is State.STARTING:
            self.process.progress = Progress(now)
            self._timer = self.process.progress.timer(self.settings)

    def gauged(self, gen: int, used: Used, now: float) -> None:
        """Takes a look at the starting process of generation `gen`."""
        progress = self.process.progress
        if self.is_current(gen) and self.state is State.STARTING and progress:
            progress.look(used, now)
            self._timer = max(now, progress.timer(self.settings))

    def receive(self, message: m.Message, now: float) -> None:
        """Takes a message of the process as a sign of life, and of progress while it starts."""
        if self._beat_due < math.inf:
            self._beat_due = now + BEAT_TIMEOUT_S  # every frame is a sign of life
        # A suspended process's sizes are on their way.
        if isinstance(message, m.Beat) and self.state is not State.SUSPENDED:
            self.process.measured(message)
        elif self.state is State.STARTING:
            progress = self.process.progress = self.process.progress or Progress(now)
            match message:
                case m.WorkerHello():
                    progress.greeted(now)
                case m.Loading():
                    progress.says(now)
            self._timer = max(now, progress.timer(self.settings))

    def become_ready(
        self, message: m.Ready, kind: str, now: float, suspends: bool = False, leave_s: float = 0.0
    ) -> None:
        """Notes that the process has loaded its model, on a card or on the CPU.
        `leave_s`: the further seconds that it may take to leave."""
        self._grace_s = EXIT_TIMEOUT_S + min(max(leave_s, 0.0), MAX_EXTRA_EXIT_S)
        self.process.loaded(message, kind, now)
        self.process.suspends = suspends and bool(message.cards) and not self._refused
        self.was_ready, self.failure = True, ""
        self.start_s = now - self.process.started_at
        self.enter(State.READY)

    def work(self, now: float) -> None:
        """Enters BUSY with the first job: from now on the process must beat."""
        self.process.idle_since = None
        self._beat_due = now + BEAT_TIMEOUT_S
        self.enter(State.BUSY)

    def rest(self, until: float, now: float) -> None:
        """Rests, READY or SUSPENDED with nothing to do, until `until`, which may be past; then leaves."""
        if self.process.idle_since is None:
            self.process.idle_since = now
            self._beat_due = math.inf
        until = math.inf if self.settings.pinned else until
        if not self._wanted_back:
            self._timer = until
        self.rests_until = until
        if self._timer <= now:
            self.end(now)
        elif self.can_suspend:
            self._timer = min(self._timer, max(now, self.process.idle_since + self.settings.suspend_after))

    # A suspended process cannot hear: whatever ends this state otherwise than READY, ends the process by SIGKILL, which
    # leaves nothing on the card.

    def suspend(self, now: float) -> None:
        """Moves the idle process off its card."""
        self.process.phase, self.process.had = GOING, self.process.cards
        self._outbox.append(Suspend(self.name, self.gen))
        self.enter(State.SUSPENDED, self.rests_until)

    def want(self, is_wanted: bool, now: float) -> None:
        """Limits the time until the suspended process is back, or else ended, while a request waits for it."""
        if is_wanted and not self._wanted_back:
            self._timer = now + RESTORE_TIMEOUT_S
        elif not is_wanted and self.process.phase != COMING:
            self._timer = self.rests_until

    @property
    def _wanted_back(self) -> bool:
        """True if the process is suspended, and its time to come back is limited."""
        return self.state is State.SUSPENDED and self._timer != self.rests_until

    def restore(self, now: float) -> None:
        """Moves the suspended process back to its card."""
        self.process.phase, self.process.cards = COMING, self.process.had
        self._outbox.append(Restore(self.name, self.gen))
        self._timer = now + RESTORE_TIMEOUT_S

    def restored(self) -> None:
        """Notes that the process is as it was before it was suspended."""
        self.process.came()
        self.enter(State.READY)

    def refuse_suspension(self) -> None:
        """Suspends no process of this worker any more: the driver, or the process, does not allow it."""
        self._refused, self.process.suspends = True, False

    def drain(self, now: float) -> None:
        """Finishes the running jobs in a limited time, takes no more, then leaves."""
        self.enter(State.DRAINING, now + self.settings.drain_timeout)

    def leave(self, now: float) -> None:
        """Asks the idle process to leave."""
        self._beat_due = math.inf
        self.leaves(now)
        self.send(m.Drain())

    def leaves(self, now: float) -> None:
        """Notes that the process is about to leave by itself, and must get no more jobs."""
        self.process.expected = True
        self.enter(State.STOPPING, now + self._grace_s)

    def kill(self, now: float, expected: bool = False) -> None:
        """Sends SIGKILL; counts as a crash unless `expected`."""
        self.process.expected |= expected
        self.process.killed = True
        self._outbox.append(Kill(self.name, self.gen))
        self.enter(State.KILLING, now + ALARM_S)

    def end(self, now: float) -> None:
        """Ends the process, or the wait for one; running jobs finish first."""
        match self.state:
            case State.WAITING:
                self.enter(State.STOPPED)
            case State.STARTING | State.SUSPENDED:
                self.kill(now, expected=True)
            case State.READY:
                self.leave(now)
            case State.BUSY:
                self.drain(now)

    def died(self, cause: str) -> None:
        """Notes why the last process died."""
        self.failure = cause

    def exited(self, now: float) -> float:
        """Notes the exit; returns for how many seconds the process had been ready. The caller enters the next state."""
        ready_for = max(0.0, now - self.process.ready_at)
        self._timer = self._beat_due = self.process.ready_at = math.inf
        self.process.idle_since = None
        return ready_for

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which the state's timer or the next beat is due, `math.inf` for never."""
        if self.state is State.STARTING and self.process.progress:
            return min(self._timer, self.process.progress.look_due)
        return min(self._timer, self._beat_due) if self.state in WATCHED else self._timer

    def hangs(self, now: float) -> bool:
        """Returns whether the process is late with its beat."""
        return self._beat_due <= now

    def retry_ms(self, now: float) -> int:
        """The milliseconds until the state ends by itself."""
        return max(1, int((self._timer - now) * 1000))

    def excuse(self, late: float, now: float) -> None:
        """Extends every watch by `late` seconds, in which the supervisor neither ran nor heard anybody."""
        if self._beat_due < math.inf:
            self._beat_due = now + BEAT_TIMEOUT_S
        if self._wanted_back or self.state in (State.WAITING, State.STARTING, State.DRAINING, State.KILLING):
            self._timer += late
        elif self.state is State.STOPPING:
            self._timer = now + self._grace_s
        if self.process.progress:
            self.process.progress.excuse(late)

    def on_time(self, now: float) -> State | None:
        """Makes the move that follows the state's timer, if that is due, and returns the state that it ended."""
        progress = self.process.progress
        if self.state is State.STARTING and progress and progress.look_due <= now:
            progress.look_due = now + START_LOOK_INTERVAL_S
            self._outbox.append(Gauge(self.name, self.gen))
        if self._timer > now:
            return None
        ended = self.state
        match ended:
            case State.STARTING:
                self.process.start_timed_out = (progress or Progress(now)).ended_for(self.settings)
                self.log("ERROR", f"{self.name} {self.process.start_timed_out}")
                self.kill(now)
            case State.READY if now < self.rests_until:
                self.suspend(now)
                return None
            case State.READY:
                self.log("INFO", f"{self.name} was idle")
                self.leave(now)
            case State.SUSPENDED:
                idle = now >= self.rests_until
                self.log("INFO", f"{self.name} {'was idle' if idle else 'did not come back to its card'}")
                self.kill(now, expected=True)
            case State.DRAINING | State.STOPPING:
                self.kill(now, expected=True)
            case State.KILLING:
                self.log("ERROR", f"{self.name} has not died of SIGKILL: it sleeps in the kernel; trying again")
                self._outbox.append(Kill(self.name, self.gen))
                self._timer = now + ALARM_S
            case State.WAITING | State.BACKOFF | State.FAILED:
                self.enter(State.STOPPED)
        return ended

    def awaited(self, now: float) -> str:
        """Says in a few words what a request waits for; empty if it only waits for other requests."""
        match self.state:
            case State.WAITING if self.hope or now > self.waits_since:
                return self.hope or "waiting for memory"
            case State.WAITING:
                return "starting"  # this moment decides whether there is memory
            case State.STARTING if loading := self.process.loading:
                of = f" of {self.need / 1e9:.1f}" if self.need >= loading else ""
                return f"loading, {loading / 1e9:.1f}{of} GB"
            case State.STARTING:
                return "starting"
            case State.SUSPENDED:
                return "coming back to its card"
            case State.BACKOFF:
                return f"its process has died, the next one starts in {max(0.0, self._timer - now):.0f} s"
            case State.STOPPING | State.KILLING:
                return "waiting for the last process to end"
        return ""
