"""`threading` and `queue` for simulated processes: the same promises, kept by the scheduler."""

from __future__ import annotations

import itertools
import queue as real_queue
import threading as real
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from .scheduler import Scheduler, Task

_scheduler: Scheduler
_numbers = itertools.count(1)


class Lock:
    """A lock; who waits for it is woken in an order that the seed draws."""

    def __init__(self) -> None:
        self._owner: Task | None = None
        self._taken = False
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        _scheduler.point()
        task = _scheduler.current
        due = None if timeout is None or timeout < 0 else _scheduler.time + timeout
        while self._taken:
            if not blocking or task is None:
                return False
            left = None if due is None else due - _scheduler.time
            if left is not None and left <= 0:
                return False
            self._waiting.append(task)
            try:
                _scheduler.park(left)
            finally:
                if task in self._waiting:
                    self._waiting.remove(task)
        self._taken, self._owner = True, task
        return True

    def release(self) -> None:
        if not self._taken:
            raise RuntimeError("release unlocked lock")
        self._taken, self._owner = False, None
        if self._waiting:
            place = _scheduler.random.randrange(len(self._waiting))
            _scheduler.unpark(self._waiting.pop(place))

    def locked(self) -> bool:
        return self._taken

    def _at_fork_reinit(self) -> None:
        """Nobody forks."""

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock(Lock):
    """The same, which its owner may take again."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._taken and self._owner is _scheduler.current:
            self._depth += 1
            return True
        if super().acquire(blocking, timeout):
            self._depth = 1
            return True
        return False

    def release(self) -> None:
        if self._owner is not _scheduler.current or not self._taken:
            raise RuntimeError("cannot release un-acquired lock")
        self._depth -= 1
        if not self._depth:
            super().release()

    def give_up(self) -> int:
        depth, self._depth = self._depth, 1
        self.release()
        return depth

    def take_back(self, depth: int) -> None:
        self.acquire()
        self._depth = depth


class ModuleLock:
    """A lock that a module has made as it was imported: each process, which imports for itself, has one of its own."""

    def __init__(self) -> None:
        self._locks: dict[object, Lock] = {}

    def _own(self) -> Lock:
        task = _scheduler.current
        return self._locks.setdefault(task and task.owner, Lock())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own(), name)

    def __enter__(self) -> bool:
        return self._own().acquire()

    def __exit__(self, *_: object) -> None:
        self._own().release()


def lock() -> Lock | ModuleLock:
    """Makes a lock for the process that runs now, or for the module that is imported."""
    return Lock() if _scheduler.current else ModuleLock()


class Condition:
    def __init__(self, lock: Any = None) -> None:
        self._lock = RLock() if lock is None else lock
        self._sleepers: list[Task] = []
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> bool:
        return bool(self._lock.__enter__())

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__()

    def wait(self, timeout: float | None = None) -> bool:
        task = _scheduler.current
        assert task is not None
        self._sleepers.append(task)
        depth = self._lock.give_up() if isinstance(self._lock, RLock) else self._lock.release()
        notified = True
        try:
            if task in self._sleepers:
                notified = _scheduler.park(timeout)
        finally:
            if task in self._sleepers:
                self._sleepers.remove(task)
            task.masked += 1  # as in Python's, which takes its lock back whatever signals come
            if isinstance(self._lock, RLock):
                self._lock.take_back(depth)
            else:
                self._lock.acquire()
            task.masked -= 1
        return notified

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        end = None if timeout is None else _scheduler.time + timeout
        result = predicate()
        while not result:
            left = None if end is None else end - _scheduler.time
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n: int = 1) -> None:
        for task in self._sleepers[:n]:
            self._sleepers.remove(task)
            _scheduler.unpark(task)

    def notify_all(self) -> None:
        self.notify(len(self._sleepers))


class Event:
    def __init__(self) -> None:
        self._condition = Condition(Lock())
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._condition:
            self._set = True
            self._condition.notify_all()

    def clear(self) -> None:
        with self._condition:
            self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        with self._condition:
            return bool(self._set or self._condition.wait_for(lambda: self._set, timeout))


class Semaphore:
    def __init__(self, value: int = 1) -> None:
        self._condition = Condition(Lock())
        self._value = value

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        with self._condition:
            if not self._condition.wait_for(lambda: self._value > 0, timeout if blocking else 0):
                return False
            self._value -= 1
            return True

    def release(self, n: int = 1) -> None:
        with self._condition:
            self._value += n
            self._condition.notify(n)


class Thread:
    """A thread of the process that has made it. What leaves its `run` is in the process's standard error, as usual."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        self.name = name or getattr(target, "__name__", "thread")
        self.daemon = bool(daemon)
        self._target, self._args, self._kwargs = target, tuple(args), dict(kwargs or {})
        self._task: Task | None = None
        self._over = Event()
        self._number = next(_numbers)

    def __hash__(self) -> int:
        return self._number  # the same on every run, and so the order of a set

    @property
    def ident(self) -> int | None:
        return self._task.number if self._task else None

    native_id = ident

    def start(self) -> None:
        if self._task is not None:
            raise RuntimeError("threads can only be started once")
        parent = _scheduler.current
        assert parent is not None
        owner = parent.owner
        owner.may_start_thread()
        self._task = _scheduler.spawn(owner, self._begin, self.name)
        owner.threads.append(self)
        self._task.locals[0] = {"thread": self}
        _scheduler.point()

    def run(self) -> None:
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def _begin(self) -> None:
        owner = self._task.owner  # type: ignore[union-attr]
        try:
            self.run()
        except SystemExit:
            pass
        except BaseException as error:
            owner.thread_failed(self, error)
        owner.threads.remove(self)
        self._over.set()

    def join(self, timeout: float | None = None) -> None:
        self._over.wait(timeout)

    def is_alive(self) -> bool:
        return self._task is not None and not self._over.is_set()


class MainThread(Thread):
    """The first thread of a process, or of nobody."""

    def __init__(self) -> None:
        super().__init__(name="MainThread", daemon=False)


class Local:
    """Attributes of which each thread has its own."""

    def _own(self) -> dict[str, Any]:
        task = _scheduler.current
        return _nobody.setdefault(id(self), {}) if task is None else task.locals.setdefault(id(self), {})

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "_own")()
        return own[name] if name in own else object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._own()[name] = value


_nobody: dict[int, dict[str, Any]] = {}


class SimpleQueue:
    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._condition = Condition(Lock())

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        with self._condition:
            self._items.append(item)
            self._condition.notify()

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        with self._condition:
            if not self._condition.wait_for(lambda: self._items, timeout if block else 0):
                raise real_queue.Empty
            return self._items.popleft()

    def empty(self) -> bool:
        return not self._items


def current_thread() -> Thread:
    """The thread that runs now."""
    task = _scheduler.current
    if task is None:
        return MainThread()
    return _thread_of(task)


def main_thread() -> Thread:
    """The first thread of the process that runs now."""
    task = _scheduler.current
    if task is None or task.owner.main is None:
        return MainThread()
    return _thread_of(task.owner.main)


def _thread_of(task: Task) -> Thread:
    own = task.locals.setdefault(0, {})
    if "thread" not in own:
        own["thread"] = MainThread()
        own["thread"]._task = task
    thread: Thread = own["thread"]
    return thread


def modules(scheduler: Scheduler) -> dict[str, ModuleType]:
    """The modules `threading` and `queue` over `scheduler`."""
    global _scheduler
    _scheduler = scheduler
    threading, queue = ModuleType("threading"), ModuleType("queue")
    threading.__dict__.update(
        Lock=lock, RLock=RLock, Condition=Condition, Event=Event, Semaphore=Semaphore, BoundedSemaphore=Semaphore,
        Thread=Thread, local=Local, current_thread=current_thread, main_thread=main_thread,
        get_ident=lambda: scheduler.current.number if scheduler.current else 0, TIMEOUT_MAX=real.TIMEOUT_MAX,
        _register_atexit=lambda *_, **__: None,
        active_count=lambda: len(scheduler.current.owner.threads) + 1 if scheduler.current else 1,
    )  # fmt: skip
    queue.__dict__.update(SimpleQueue=SimpleQueue, Queue=SimpleQueue, Empty=real_queue.Empty, Full=real_queue.Full)
    return {"threading": threading, "queue": queue}
