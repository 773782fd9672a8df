"""`time`, `signal`, `select` and `fcntl`: whatever waits, and what ends the waiting."""

from __future__ import annotations

import errno
import fcntl as real_fcntl
import os as real
import select as real_select
import signal as real_signal
import time as real_time
from types import ModuleType
from typing import Any

from ..descriptors import Description, Epoll, File, ProcessEnd, fail
from ..importer import Module
from ..machine import EPOCH, Machine
from ..processes import Process


def time_module(machine: Machine) -> ModuleType:
    scheduler = machine.scheduler

    def sleep(seconds: float) -> None:
        if seconds <= 0:
            scheduler.pause()
        else:
            scheduler.wait(lambda: False, seconds, (sleep,))

    def wall() -> float:
        return EPOCH + scheduler.now() + machine.clock_offset

    def used() -> float:
        return machine.current.cpu if machine.current else 0.0

    def local(seconds: float | None = None) -> real_time.struct_time:
        return real_time.gmtime(wall() if seconds is None else seconds)

    return Module(
        "time", real_time, monotonic=scheduler.now, perf_counter=scheduler.now, sleep=sleep, time=wall,
        monotonic_ns=lambda: int(scheduler.now() * 1e9), time_ns=lambda: int(wall() * 1e9), process_time=used,
        thread_time=used, localtime=local, gmtime=local,
    )  # fmt: skip


def signal_module(machine: Machine) -> ModuleType:
    def own() -> Process:
        assert machine.current
        return machine.current

    def handle(number: int, handler: Any) -> Any:
        before = own().handlers.get(number, real_signal.SIG_DFL)
        own().handlers[number] = handler
        return before

    def wake(descriptor: int, *, warn_on_full_buffer: bool = True) -> int:
        if descriptor >= 0 and own().look_up(descriptor).blocking:
            raise ValueError(f"the fd {descriptor} must be in non-blocking mode")
        before, own().wakeup = own().wakeup, descriptor
        return before

    def send(descriptor: int, number: int) -> None:
        end = own().look_up(descriptor)
        assert isinstance(end, ProcessEnd)
        end.send(number)

    return Module(
        "signal", real_signal, signal=handle, set_wakeup_fd=wake, setitimer=lambda *_: (0.0, 0.0),
        getsignal=lambda number: own().handlers.get(number, real_signal.SIG_DFL),
        pthread_sigmask=lambda *_: set(), pidfd_send_signal=send,
    )  # fmt: skip


def select_module(machine: Machine) -> ModuleType:
    class Poll:
        def __init__(self) -> None:
            self._watched: dict[int, int] = {}

        def register(self, descriptor: Any, events: int = 3) -> None:
            self._watched[descriptor if isinstance(descriptor, int) else descriptor.fileno()] = events

        modify = register

        def poll(self, milliseconds: float | None = None) -> list[tuple[int, int]]:
            process = machine.current
            if process is None:
                return []  # of the library, which looks whether there is a poll
            seconds = None if milliseconds is None or milliseconds < 0 else milliseconds / 1000
            sources = [process.table[number] for number in self._watched if number in process.table]
            machine.scheduler.wait(lambda: bool(self._ready(process)), seconds, sources)
            return self._ready(process)

        def _ready(self, process: Process) -> list[tuple[int, int]]:
            ready = []
            for number, events in self._watched.items():
                description = process.table.get(number)
                if description is None:
                    ready.append((number, real_select.POLLNVAL))
                    continue
                happened = real_select.POLLIN if events & real_select.POLLIN and description.readable() else 0
                happened |= real_select.POLLOUT if events & real_select.POLLOUT and description.writable() else 0
                if happened:
                    ready.append((number, happened))
            return ready

    class EPoll:
        def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
            self._process = machine.current
            self._epoll = Epoll(machine)
            self._descriptor = self._process.give(self._epoll) if self._process else -1
            self.closed = False

        def fileno(self) -> int:
            return self._descriptor

        def register(self, descriptor: Any, events: int = real_select.EPOLLIN | real_select.EPOLLOUT) -> None:
            assert self._process
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            self._epoll.watched[number] = (self._process.look_up(number), events)

        modify = register

        def unregister(self, descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            if self._epoll.watched.pop(number, None) is None:
                raise fail(errno.ENOENT)

        def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
            seconds = None if timeout is None or timeout < 0 else timeout
            machine.scheduler.wait(self._epoll.readable, seconds, self._epoll.sources())
            return self._epoll.ready()[: maxevents if maxevents > 0 else None]

        def close(self) -> None:
            if not self.closed:
                self.closed = True
                if self._process:
                    self._process.close(self._descriptor)

    return Module("select", real_select, poll=Poll, epoll=EPoll)


def fcntl_module(machine: Machine) -> ModuleType:
    def description(descriptor: Any) -> Description:
        assert machine.current
        return machine.current.look_up(descriptor if isinstance(descriptor, int) else descriptor.fileno())

    def flock(descriptor: Any, kind: int) -> None:
        machine.scheduler.point()
        file = description(descriptor)
        if not isinstance(file, File):
            raise fail(errno.EINVAL)
        if kind & real_fcntl.LOCK_UN:
            machine.unlock(file)
        elif not machine.lock(file, wait=not kind & real_fcntl.LOCK_NB):
            raise fail(errno.EAGAIN)

    def control(descriptor: Any, command: int, argument: Any = 0) -> int:
        file = description(descriptor)
        if command == real_fcntl.F_SETOWN:
            file.group = abs(argument)
        elif command == real_fcntl.F_SETSIG:
            file.signal = argument
        elif command == real_fcntl.F_SETFL:
            file.asynchronous = bool(argument & real.O_ASYNC)
            file.blocking = not argument & real.O_NONBLOCK
        elif command == real_fcntl.F_GETFL:
            return (real.O_ASYNC if file.asynchronous else 0) | (0 if file.blocking else real.O_NONBLOCK)
        else:
            raise fail(errno.EINVAL)
        return 0

    return Module("fcntl", real_fcntl, flock=flock, fcntl=control)
