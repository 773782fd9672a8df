"""The processes of one worker: how each starts, is watched, comes to rest, and ends.

A `Lifecycle` owns the state, its deadlines and the moves between states. It knows nothing of requests: the `Worker`
decides which jobs the process gets, and what follows from its messages and its death.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hushd_protocol import messages as m
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY
from hushd_schema.settings import WorkerSettings
from hushd_schema.settings.declaration import REPLACES, settings_of

from hushd_supervisor.core.actions import Action, Kill, Log, ProbeStart, Spawn, ToWorker
from hushd_supervisor.core.events import Exited, Used

from .crashes import CRASH_SIGNALS, Death, describe_exit, is_felled
from .process import CARD_RETRY_S, Place, Process, Progress, Usage
from .states import ALLOWED, State

if TYPE_CHECKING:
    from hushd_schema.results import Capabilities


BEAT_TIMEOUT_S = 6.0  # three beats of 2 s
EXIT_TIMEOUT_S = 5.0  # seconds from `drain` to the exit
MAX_EXTRA_EXIT_S = 60.0  # seconds that a worker may have beyond that
ROOM_S = 15.0  # seconds in which idle workers make room for a start: longer than their grace and a kill
START_GUESS_S = 1.0  # the assumed time of a start until one has succeeded
ALARM_S = 5.0  # a process that SIGKILL has not ended sleeps in the kernel: log it, and try again

_OF_PROCESS = [name for name, setting in settings_of(WorkerSettings).items() if setting.reload == REPLACES]
WATCHED = (State.BUSY, State.DRAINING)  # jobs run, and the process must beat


class Deadlines(NamedTuple):
    """The times at which a state ends by itself, infinite for never. The next state has none of them."""

    room: float = math.inf  # idle workers have made room for the start, or it is given up
    progress: float = math.inf  # the start has made some, or is ended
    leave: float = math.inf  # the idle process leaves
    drained: float = math.inf  # the running jobs have finished, or are killed with the process
    exit: float = math.inf  # the process that leaves has ended, or is killed
    death: float = math.inf  # the killed process is dead, or is killed again
    retry: float = math.inf  # the pause after a crash is over
    beat: float = math.inf  # the process at work has sent something, or hangs


_NEVER = Deadlines()


class Lifecycle:
    """The processes of one worker, one after another.

    Args:
        generations: numbers processes across all workers, so that news of one is never taken for another's.
    """

    def __init__(self, name: str, settings: WorkerSettings, generations: Iterator[int], outbox: list[Action]) -> None:
        self.name = name
        self._settings = settings
        self._state = State.STOPPED  # only ever changed by `enter`
        self._process = Process()  # the process that lives, or was the last
        self._progress: Progress | None = None  # watch over the start of that process
        self._usage = Usage()
        self._capabilities: Capabilities | None = None  # capabilities of the last process that became ready
        self._starts = 0
        self._start_s = START_GUESS_S  # seconds that the last successful start took
        self._waits_since = 0.0  # time when the wait for memory began
        self._wait_note = ""  # says in a few words that others may free memory; empty if nobody was asked
        self._failure = ""  # reason why the last process died, until another is ready
        self._idle_since: float | None = None  # time when the process came to rest; None while it works
        self._grace_s = EXIT_TIMEOUT_S
        self._generations = generations
        self._outbox = outbox
        self._due = _NEVER

    # --- the process ---------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    @property
    def process(self) -> Process:
        return self._process

    @property
    def settings(self) -> WorkerSettings:
        return self._settings

    def idle_s(self, now: float) -> float:
        """The seconds for which the process has rested, 0 while it works."""
        return 0.0 if self._idle_since is None else now - self._idle_since

    @property
    def waits_since(self) -> float:
        return self._waits_since

    @property
    def start_s(self) -> float:
        return self._start_s

    @property
    def capabilities(self) -> Capabilities | None:
        """Those of the last process that became ready."""
        return self._capabilities

    @property
    def starts(self) -> int:
        return self._starts

    @property
    def failure(self) -> str:
        """The reason why the last process died, until another is ready."""
        return self._failure

    def is_current(self, gen: int) -> bool:
        """Returns whether generation `gen` is the living process."""
        return gen == self._process.gen and self._state.has_process

    def where(self) -> dict[str, object]:
        """The device of the process, and the reason for it, where that has one."""
        loaded = self._capabilities
        if not (loaded and loaded.why_there):
            return {}
        return {"compute_device": loaded.compute_device, "why_there": loaded.why_there}

    def configure(self, settings: WorkerSettings) -> bool:
        """Applies other settings; returns whether a process that was started with the old ones must be replaced."""
        previous, self._settings = self._settings, settings
        return any(getattr(previous, name) != getattr(settings, name) for name in _OF_PROCESS)

    def send(self, message: m.Message) -> None:
        self._outbox.append(ToWorker(self.name, self._process.gen, message))

    def log(self, level: str, text: str) -> None:
        """Writes a line about the worker to the log: its name, and `text`."""
        self._outbox.append(Log(level, f"{self.name} {text}"))

    def _note(self, **news: Any) -> None:
        """Notes what has become known of the process."""
        self._process = self._process._replace(**news)

    # --- moves ---------------------------------------------------------------------------------------------------

    def enter(self, state: State, due: Deadlines = _NEVER) -> None:
        """Moves to `state`, which has the deadlines `due`."""
        assert (self._state, state) in ALLOWED, f"{self._state} -> {state}"
        self._state, self._due = state, due

    def wait(self, now: float) -> None:
        """Waits for memory."""
        self._waits_since, self._wait_note = now, ""
        self.enter(State.WAITING, Deadlines(room=now + ROOM_S))

    def wait_on(self, now: float, note: str = "") -> bool:
        """Starts the wait for memory again; returns whether the reason for it, the `note` that others free some, is
        new."""
        self._due = Deadlines(room=now + ROOM_S)
        is_new, self._wait_note = bool(note) and note != self._wait_note, note or self._wait_note
        return is_new

    def start(self, now: float, place: Place, jobs_before: int) -> None:
        """Starts the next generation on the device of `place`."""
        gen = next(self._generations)
        self._process = Process(gen, place, jobs_before, started_at=now, card=place.card)
        self._progress, self._usage = None, Usage()
        self._starts += 1
        if place.why:
            self.log("INFO", f"starts on the CPU: {place.why}")
        device, card = ("", place.device) if place.card else (place.device, "")
        self._outbox.append(Spawn(self.name, gen, device, card, place.why))
        self.enter(State.STARTING)

    def spawned(self, now: float) -> None:
        """Starts the watch over the process, which runs from now on: any earlier delay was the supervisor's."""
        self._note(started_at=now)
        if self._state is State.STARTING:
            self._progress = Progress(now)
            self._due = Deadlines(progress=self._progress.timer(self._settings))

    def start_probed(self, used: Used, now: float) -> None:
        """Takes the answer to a probe of the starting process."""
        if self._state is State.STARTING and self._progress:
            self._progress.count_progress(used, now)
            self._note(loading=used.private)
            self._due = Deadlines(progress=max(now, self._progress.timer(self._settings)))

    def receive(self, message: m.Message, now: float) -> None:
        """Takes a message of the process as a sign of life, and of progress while it starts."""
        self._expect_beat(now)  # every frame is a sign of life
        if isinstance(message, m.Beat):
            self._process = self._process.measured(message)
        elif self._state is State.STARTING:
            self._progress = self._progress or Progress(now)
            self._progress.receive(message, now)
            self._due = Deadlines(progress=max(now, self._progress.timer(self._settings)))

    def work(self, cpu_s: float) -> tuple[float, bool]:
        """Takes the process's CPU time so far; returns that since the last beat, and whether it is a sign of work."""
        return self._usage.spent(cpu_s), self._usage.has_worked(cpu_s)

    def become_ready(self, message: m.Ready, capabilities: Capabilities, now: float) -> None:
        """Notes that the process has loaded its model, on a card or on the CPU."""
        self._grace_s = EXIT_TIMEOUT_S + min(max(capabilities.leave_s, 0.0), MAX_EXTRA_EXIT_S)
        self._process = self._process.loaded(message, capabilities.compute_device, now)
        self._usage = Usage(self._process.size)
        self._capabilities, self._failure = capabilities, ""
        self._start_s = now - self._process.started_at
        confined = "" if capabilities.confined else "not "
        self.log("INFO", f"is ready, {self._process.size / 1e6:.0f} MB, {confined}confined")
        self.enter(State.READY)

    def begin(self, now: float) -> None:
        """Enters BUSY with the first job: from now on the process must beat."""
        self._idle_since = None
        self.enter(State.BUSY, Deadlines(beat=now + BEAT_TIMEOUT_S))

    def rest(self, until: float, now: float) -> None:
        """Rests, READY with nothing to do, until `until`, which may be past; then leaves."""
        if self._idle_since is None:
            self._idle_since = now
        self._due = Deadlines(leave=math.inf if self._settings.pinned else until)
        if self._due.leave <= now:
            self.end(now)

    def retire(self, why: str) -> None:
        """Has the process leave once nothing runs on it."""
        self._note(unwanted=self._process.unwanted or why)

    def check_usage(self, completed: int, now: float) -> None:
        """Notes whether the process is used up, now that its worker has `completed` so many jobs in all; takes that
        back if only a job had made it large."""
        process, age = self._process, now - self._process.ready_at
        used_up = self._usage.used_up(self._settings, completed - process.jobs_before, process.size, age)
        if (why := process.place.why) and age >= CARD_RETRY_S:
            used_up = f"a card may have room again: {why}"
        if used_up != process.used_up:
            self._note(used_up=used_up)

    def drain(self, now: float) -> None:
        """Finishes the running jobs in a limited time, takes no more, then leaves."""
        drained = now + self._settings.drain_timeout
        self.enter(State.DRAINING, Deadlines(drained=drained, beat=self._due.beat))

    def ask_to_leave(self, now: float, why: str = "") -> None:
        """Asks the idle process to leave; `why` is logged."""
        if why:
            self.log("INFO", why)
        self.expect_exit(now)
        self.send(m.Drain())

    def expect_exit(self, now: float) -> None:
        """Notes that the process is about to leave by itself, and must get no more jobs."""
        self._note(expected=True)
        self.enter(State.STOPPING, Deadlines(exit=now + self._grace_s))

    def kill(self, now: float, why: str = "", level: str = "ERROR", *, expected: bool = False) -> None:
        """Sends SIGKILL; counts as a crash unless `expected`. The log has `why`, at `level`."""
        if why:
            self.log(level, why)
        self._note(expected=self._process.expected or expected, killed=True)
        self._outbox.append(Kill(self.name, self._process.gen))
        self.enter(State.KILLING, Deadlines(death=now + ALARM_S))

    def end(self, now: float) -> None:
        """Ends the process, or the wait for one; running jobs finish first."""
        match self._state:
            case State.WAITING:
                self.enter(State.STOPPED)
            case State.STARTING:
                self.kill(now, expected=True)
            case State.READY:
                self.ask_to_leave(now)
            case State.BUSY:
                self.drain(now)

    def exited(self, event: Exited, scarce: bool, now: float) -> Death:
        """Notes the exit, and says what kind of end it was. The caller enters the next state.
        `scarce`: whether memory is critically short, so that a program that watches it may have ended the process."""
        process, state, status, out_of_memory = self._process, self._state, event.status, event.out_of_memory
        felled = is_felled(status, process.killed, bool(out_of_memory), event.stopped)
        death = Death(
            self.name,
            state,
            describe_exit(status, process.killed, None if scarce else out_of_memory, event.stopped),
            event.log_tail,
            process.start_timed_out,
            ready_for=max(0.0, now - process.ready_at),
            expected=process.expected or (state is State.READY and status == 0),
            short=status == EXIT_NO_MEMORY or (felled and scarce),
            card_failed=status == EXIT_CARD_FAILED,
            by_signal=-status in CRASH_SIGNALS,
            felled=felled,
        )
        self._failure = self._failure if death.expected else death.start_timed_out or death.cause
        self.gone()
        return death

    def gone(self) -> None:
        """Notes that there is no process any more. The caller enters the next state."""
        self._due = _NEVER
        self._idle_since = None

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time of the first deadline, or of the next probe of a start; `math.inf` for never."""
        probe = self._progress.deadline() if self._state is State.STARTING and self._progress else math.inf
        return min(probe, *self._due)

    def hangs(self, now: float) -> bool:
        """Returns whether the process is late with its beat."""
        return self._due.beat <= now

    def retry_ms(self, now: float) -> int:
        """The milliseconds until the pause after a crash is over."""
        return max(1, int((self._due.retry - now) * 1000))

    def extend_deadlines(self, by_s: float, now: float) -> None:
        """Extends every watch by `by_s` seconds, in which the supervisor neither ran nor heard anybody."""
        due = self._due
        self._due = due._replace(
            room=due.room + by_s, progress=due.progress + by_s, drained=due.drained + by_s, exit=due.exit + by_s,
            death=due.death + by_s,
        )  # fmt: skip
        self._expect_beat(now)
        if self._progress:
            self._progress.extend_deadlines(by_s)

    def _expect_beat(self, now: float) -> None:
        """Restarts the time to the next beat, if one is expected."""
        if self._due.beat < math.inf:
            self._due = self._due._replace(beat=now + BEAT_TIMEOUT_S)

    def on_time(self, now: float) -> State | None:
        """Makes the move that follows the state's deadline, if that has passed, and returns the state that it ended."""
        progress, due = self._progress, self._due
        if self._state is State.STARTING and progress and progress.probe_due(now):
            self._outbox.append(ProbeStart(self.name, self._process.gen))
        ended = self._state
        if due.progress <= now:
            self._note(start_timed_out=(progress or Progress(now)).ended_for(self._settings))
            self.kill(now, self._process.start_timed_out)
        elif due.leave <= now:
            self.ask_to_leave(now, "was idle")
        elif due.drained <= now or due.exit <= now:
            self.kill(now, expected=True)
        elif due.death <= now:
            self.log("ERROR", "has not died of SIGKILL: it sleeps in the kernel; trying again")
            self._outbox.append(Kill(self.name, self._process.gen))
            self._due = Deadlines(death=now + ALARM_S)
        elif due.room <= now or due.retry <= now:
            self.enter(State.STOPPED)
        else:
            return None
        return ended

    def awaited(self, now: float) -> str:
        """Says in a few words what a request waits for; empty if it only waits for other requests."""
        match self._state:
            case State.WAITING if self._wait_note or now > self._waits_since:
                return self._wait_note or "waiting for memory"
            case State.WAITING:
                return "starting"  # this moment decides whether there is memory
            case State.STARTING if loading := self._process.loading:
                of = f" of {need / 1e9:.1f}" if (need := self._process.place.need) >= loading else ""
                return f"loading, {loading / 1e9:.1f}{of} GB"
            case State.STARTING:
                return "starting"
            case State.BACKOFF:
                return f"its process has died, the next one starts in {max(0.0, self._due.retry - now):.0f} s"
            case State.STOPPING | State.KILLING:
                return "waiting for the last process to end"
        return ""

    def rest_s(self, now: float) -> tuple[float | None, float | None]:
        """The seconds for which the process has rested, and those until it leaves; None for neither."""
        if self._idle_since is None or self._state is not State.READY:
            return None, None
        left_s = max(0.0, self._due.leave - now)
        return round(now - self._idle_since, 1), None if left_s == math.inf else round(left_s, 1)
