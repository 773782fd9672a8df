"""`threading` and `queue` for simulated processes: the same promises, kept by the scheduler."""

from __future__ import annotations

import _thread
import builtins
import inspect
import itertools
import os
import queue as real_queue
import threading as real
import time
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from .importer import Module, importing
from .scheduler import Scheduler, Task

_scheduler: Scheduler
_numbers = itertools.count(1)
_python: dict[str, Any] = {}  # its own `threading` on these locks and this clock: what stands on locks alone is taken


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

    def _is_owned(self) -> bool:
        return self._taken and self._owner is _scheduler.current

    def _release_save(self) -> Any:
        self.release()

    def _acquire_restore(self, saved: Any) -> None:
        """Takes it back after a wait, whatever signals come, as Python does."""
        task = _scheduler.current
        assert task is not None
        task.masked += 1
        self.acquire()
        task.masked -= 1

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

    def _release_save(self) -> int:
        depth, self._depth = self._depth, 1
        self.release()
        return depth

    def _acquire_restore(self, depth: Any) -> None:
        super()._acquire_restore(depth)
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
        self.task: Task | None = None
        self._over = _python["Event"]()
        self._number = next(_numbers)

    def __hash__(self) -> int:
        return self._number  # the same on every run, and so the order of a set

    @property
    def ident(self) -> int | None:
        return self.task.number if self.task else None

    native_id = ident

    def start(self) -> None:
        if self.task is not None:
            raise RuntimeError("threads can only be started once")
        parent = _scheduler.current
        assert parent is not None
        owner = parent.owner
        owner.may_start_thread()
        self.task = _scheduler.spawn(owner, self._begin, self.name)
        owner.threads.append(self)
        self.task.locals[0] = {"thread": self}
        _scheduler.point()

    def run(self) -> None:
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def _begin(self) -> None:
        owner = self.task.owner  # type: ignore[union-attr]
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
        return self.task is not None and not self._over.is_set()


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


def current_thread() -> Thread:
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
        own["thread"].task = task
    thread: Thread = own["thread"]
    return thread


def _loaded(module: ModuleType, stand_ins: Mapping[str, ModuleType]) -> dict[str, Any]:
    """The names of a module of the standard library that imports `stand_ins`."""
    space = {"__builtins__": vars(builtins) | {"__import__": importing(stand_ins)}, "__name__": module.__name__}
    exec(compile(inspect.getsource(module), str(module.__file__), "exec"), space)
    return space


def modules(scheduler: Scheduler) -> dict[str, ModuleType]:
    global _scheduler
    _scheduler = scheduler
    stand_ins: dict[str, ModuleType] = {
        # Python makes its locks by the first of these, from 3.13 on by the second, whose name changes.
        "_thread": Module("_thread", _thread, allocate_lock=lock, LockType=lock, lock=lock, RLock=RLock),
        "time": Module("time", time, monotonic=scheduler.now),
        "os": Module("os", os, register_at_fork=lambda **_: None),
    }
    _python.update(_loaded(real, stand_ins))
    threading = ModuleType("threading")
    threading.__dict__.update({name: _python[name] for name in ("Condition", "Event", "Semaphore", "BoundedSemaphore")})
    threading.__dict__.update(
        Lock=lock, RLock=RLock, Thread=Thread, local=Local, current_thread=current_thread, main_thread=main_thread,
        get_ident=lambda: scheduler.current.number if scheduler.current else 0, TIMEOUT_MAX=real.TIMEOUT_MAX,
        _register_atexit=lambda *_, **__: None,
        active_count=lambda: len(scheduler.current.owner.threads) + 1 if scheduler.current else 1,
    )  # fmt: skip
    queues = _loaded(real_queue, {"threading": threading, "time": stand_ins["time"]})
    queue = Module("queue", real_queue, SimpleQueue=queues["_PySimpleQueue"], Queue=queues["Queue"])
    return {"threading": threading, "queue": queue}
