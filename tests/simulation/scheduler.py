"""Tasks, their clock and their dice: the seed draws which of them runs next, and time passes where all wait.

A task is a greenlet: it runs until it waits, or until the seed takes its turn away at one of the calls that a real
thread could lose the processor in. A task that was killed never runs again, not even its `finally`: its greenlet is
kept, because Python would raise GreenletExit in one that it collects.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
import traceback
from collections.abc import Callable, Collection
from typing import Any

from greenlet import getcurrent, greenlet

STEP_S = 2e-6  # that each look at the clock takes, so that nobody who waits for a time by looking waits for ever
TURN_S = 20e-6  # of processor time that a turn of a task takes


ANYTHING = object()  # the source of those who wait for nothing in particular
NO_HOOKS: tuple[Any, Any] = (None, None)  # of asynchronous generators: those of the event loop that a thread runs


class Stuck(Exception):
    """Nothing is ready and nothing is due, though the simulation has not reached its end."""


class Timer:
    """A call that is due at a time of its own."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None] | None) -> None:
        self.due, self.call = due, call

    def cancel(self) -> None:
        self.call = None


class Task:
    """A thread of a simulated process."""

    def __init__(self, owner: Any, body: Callable[[], None], name: str, number: int) -> None:
        self.owner, self.name, self.number = owner, name, number
        self.thread = greenlet(body)
        self.ready: Callable[[], bool] | None = None  # what it waits for, if that must be asked
        self.sources: tuple[object, ...] = ()  # of changes to that
        self.parked = False
        self.unparked = False  # since it was parked last
        self.masked = 0  # how many things it does in the middle of which no signal is handled
        self.signs = 0  # counts its waits: a deadline of an earlier one does not concern it
        self.timed_out = False
        self.over = False
        self.locals: dict[int, dict[str, Any]] = {}
        self.sentinel: Any = None
        self.hooks = NO_HOOKS

    def __repr__(self) -> str:
        return f"<{self.owner} {self.name}>"


class Scheduler:
    """Runs tasks, one at a time.

    Args:
        seed: of all dice.
        switches: the mean number of calls after which a task that could go on loses its turn; 0: never.
    """

    def __init__(self, seed: object, switches: int = 25) -> None:
        self.random = random.Random(repr(seed))
        self.time = 1000.0  # monotonic seconds
        self.current: Task | None = None
        self.hub = getcurrent()
        self.turns = 0
        self.points = 0
        self._switches = switches
        self._left = self._draw()
        self._numbers = itertools.count(1)
        self._order = itertools.count()
        self._ready: list[Task] = []
        self._tasks: dict[Any, dict[Task, None]] = {}  # the living ones, by owner
        self._sleepers: dict[object, dict[Task, None]] = {}  # those that wait, by what they wait for
        self._pending: dict[Task, None] = {}  # those that are to ask again
        self._idle: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Timer | tuple[Task, int]]] = []
        self._graves: list[Task] = []
        self._held: dict[Any, list[Task]] = {}  # the tasks of stopped owners that could run
        self.enter: Callable[[Any], None] = lambda owner: None  # called when another owner's task begins its turn
        self.at_point: Callable[[], None] = lambda: None
        self.at_wake: Callable[[], None] = lambda: None  # called when the current task may have been interrupted
        self._owner: Any = None
        self._hooks = NO_HOOKS
        self.crash: BaseException | None = None

    # --- tasks -------------------------------------------------------------------------------------------------------

    def spawn(self, owner: Any, body: Callable[[], None], name: str) -> Task:
        """Makes a task that is ready to run; an exception that leaves `body` ends the simulation."""

        def run() -> None:
            try:
                body()
            except BaseException as error:
                self.crash = self.crash or error
            task.over = True
            self._tasks[owner].pop(task, None)

        task = Task(owner, run, name, next(self._numbers))
        task.thread.parent = self.hub
        self._ready.append(task)
        self._tasks.setdefault(owner, {})[task] = None
        return task

    def bury(self, owner: Any) -> None:
        """Ends all tasks of an owner, wherever they are; a task that does this to itself must call `leave` then."""
        self._ready = [task for task in self._ready if task.owner is not owner]
        self._held.pop(owner, None)
        for task in self._tasks.pop(owner, {}):
            task.over = True
            self._forget(task)
            self._graves.append(task)

    def hold(self, owner: Any) -> None:
        """Gives the tasks of an owner no turn until `release`."""
        self._held.setdefault(owner, [])

    def release(self, owner: Any) -> None:
        """Lets the tasks of a held owner go on."""
        self._ready += self._held.pop(owner, [])

    def idle(self, look: Callable[[], None]) -> None:
        """Has `look` called whenever no task can run, before time passes."""
        self._idle.append(look)

    def leave(self) -> None:
        """Gives the turn away for ever."""
        assert self.current is not None
        self.hub.switch()
        raise AssertionError("a dead task ran")

    def hook_generators(self, hooks: tuple[Any, Any]) -> None:
        """Has the asynchronous generators of the current task known to its event loop, as Python does for threads."""
        assert self.current is not None
        self.current.hooks = self._hooks = hooks
        sys.set_asyncgen_hooks(*hooks)

    # --- time --------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The simulated monotonic clock; each look takes a moment."""
        self.time += STEP_S
        return self.time

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Has `call` called after so many seconds, by no task; it must not wait."""
        timer = Timer(self.time + max(0.0, seconds), call)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    # --- waiting -----------------------------------------------------------------------------------------------------

    def wait(
        self, ready: Callable[[], bool], seconds: float | None = None, sources: Collection[object] = (ANYTHING,)
    ) -> bool:
        """Has the current task wait until `ready` says so; returns False where that took too long.

        `ready` is asked after each `wake` of one of `sources`.
        """
        if ready():
            self.point()
            return True
        if seconds is not None and seconds <= 0:
            self.pause()
            return ready()
        due = None if seconds is None else self.time + seconds
        while True:
            task = self._waiting(None if due is None else due - self.time, sources or (ANYTHING,))
            task.ready = ready
            self.hub.switch()
            self.at_wake()
            if ready():
                return True
            if due is not None and self.time >= due:
                return False

    def wake(self, source: object) -> None:
        """Has those ask again who wait for `source`."""
        if waiting := self._sleepers.get(source):
            self._pending.update(waiting)

    def park(self, seconds: float | None = None) -> bool:
        """Has the current task wait for `unpark`; returns False where that took too long."""
        assert self.current is not None
        due = None if seconds is None else self.time + seconds
        self.current.unparked = False
        while True:
            task = self._waiting(None if due is None else due - self.time, ())
            task.parked = True
            self.hub.switch()
            if task.unparked or task.timed_out:
                return task.unparked
            self.at_wake()

    def unpark(self, task: Task) -> None:
        """Ends the waiting of a task that is parked, or was until it was interrupted."""
        task.unparked = True
        if task.parked and not task.over:
            self._wake(task)

    def interrupt(self, task: Task) -> None:
        """Has a task that waits come out of its call, as for a signal; it goes on to wait if nothing else happened."""
        if (task.parked or task.ready is not None) and not task.over:
            self._wake(task)

    def pause(self) -> None:
        """Lets others go first."""
        if self.current is not None:
            self._ready.append(self.current)
            self.hub.switch()

    def point(self) -> None:
        """A call in which a thread may lose the processor, and a process its life."""
        self.points += 1
        if self.current is None:
            return
        self.at_point()
        self._left -= 1
        if self._left <= 0:
            self._left = self._draw()
            self.pause()

    def _draw(self) -> int:
        return round(self.random.expovariate(1 / self._switches)) + 1 if self._switches else 1 << 60

    def _waiting(self, seconds: float | None, sources: Collection[object]) -> Task:
        task = self.current
        assert task is not None, "nobody waits here who is no task"
        task.signs += 1
        task.timed_out = False
        task.sources = tuple(sources)
        for source in task.sources:
            self._sleepers.setdefault(source, {})[task] = None
        if seconds is not None:
            due = self.time + max(0.0, seconds)
            heapq.heappush(self._timers, (due, next(self._order), (task, task.signs)))
        return task

    def _wake(self, task: Task) -> None:
        self._forget(task)
        task.signs += 1
        self._ready.append(task)

    def _forget(self, task: Task) -> None:
        """Ends the waiting of a task."""
        for source in task.sources:
            sleepers = self._sleepers[source]
            sleepers.pop(task, None)
            if not sleepers:
                del self._sleepers[source]
        task.sources, task.ready, task.parked = (), None, False
        self._pending.pop(task, None)

    def stacks(self, owner: Any) -> str:
        """Returns the place in the code at which each task of an owner waits."""
        lines = []
        for task in self._tasks.get(owner, {}):
            frames = traceback.extract_stack(task.thread.gr_frame)[-12:] if task.thread.gr_frame else []
            places = (f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
            lines.append(f"{task.name}: " + " > ".join(places))
        return "\n".join(lines)

    # --- the hub -----------------------------------------------------------------------------------------------------

    def run(self, over: Callable[[], bool]) -> None:
        """Runs tasks until `over`, or until nothing can happen any more: raises Stuck then."""
        while self.crash is None and not over():
            self._ask()
            if not self._ready:
                for look in self._idle:
                    look()
                self._ask()
            if self._ready:
                self._turn()
            elif not self._advance():
                raise Stuck(f"at {self.time:.3f} s")
            self._fire()
        if self.crash is not None:
            raise self.crash

    def _turn(self) -> None:
        """Gives a turn to a task that the seed draws; one of a stopped process has none."""
        place = self.random.randrange(len(self._ready))
        task = self._ready[place]
        self._ready[place] = self._ready[-1]
        self._ready.pop()
        if task.over:
            return
        if (held := self._held.get(task.owner)) is not None:
            held.append(task)
            return
        if task.owner is not self._owner:
            self._owner = task.owner
            self.enter(task.owner)
        self.turns += 1
        self.time += TURN_S
        self.current = task
        if task.hooks is not self._hooks:
            self.hook_generators(task.hooks)
        task.thread.switch()
        self.current = None
        self.wake(ANYTHING)

    def _ask(self) -> None:
        """Wakes those that what has changed has made ready."""
        while self._pending:
            pending, self._pending = self._pending, {}
            for task in pending:
                if task.ready is None:
                    continue
                self.current = task  # as whom it asks
                if task.ready():
                    self._wake(task)
            self.current = None

    def _advance(self) -> bool:
        """Lets time pass until the next thing is due; returns whether there is any."""
        while self._timers:
            due, _, item = self._timers[0]
            if _is_idle(item):
                heapq.heappop(self._timers)
                continue
            self.time = max(self.time, due)
            return True
        return False

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= self.time:
            _, _, item = heapq.heappop(self._timers)
            if isinstance(item, Timer):
                call, item.call = item.call, None
                if call is not None:
                    call()
                    self.wake(ANYTHING)
            elif not _is_idle(item):
                item[0].timed_out = True
                self._wake(item[0])


def _is_idle(item: Timer | tuple[Task, int]) -> bool:
    """Returns whether nothing comes of a timer any more."""
    if isinstance(item, Timer):
        return item.call is None
    task, signs = item
    return task.over or task.signs != signs
