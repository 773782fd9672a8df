"""A simulated process: what the kernel keeps of it, and the part of Python's state that is its own."""

from __future__ import annotations

import errno
import io
import math
import resource
import signal
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .descriptors import Description, ProcessEnd, fail

if TYPE_CHECKING:
    from .machine import Machine
    from .scheduler import Task
    from .threads import Thread

_HARMLESS = {signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT}
MEGABYTE = 1_000_000
FIRST = 10_000  # of a process's descriptors: those that libzmq names, which are real ones, are below


class Process:
    """A process, from its start until it was reaped.

    Attributes:
        status: as Popen says it, once it has ended.
        memory: bytes that it has resident.
        private: values of modules' variables that are its own, while another process runs.
    """

    def __init__(
        self,
        machine: Machine,
        pid: int,
        parent: Process | None,
        arguments: list[str],
        environment: dict[str, str],
        table: dict[int, Description],
        group: int,
    ) -> None:
        self.machine, self.pid, self.parent, self.arguments = machine, pid, parent, arguments
        self.started_by = parent
        self.environment, self.table, self.group = environment, table, group or pid
        for description in table.values():
            description.references += 1
        self.inheritable: set[int] = set()
        self.children: list[Process] = []
        self.status: int | None = None
        self.reaped = False
        self.stopped = False
        self.resumed = 0  # how often it went on, each time on a processor
        self.starved = False  # it waits for its turn for so long that it is as good as stopped
        self.watchers: list[ProcessEnd] = []
        self.threads: list[Thread] = []
        self.main: Task | None = None
        self.cpu = 0.0
        self.ended = 0.0
        self.born = machine.scheduler.time
        self.memory = 20 * MEGABYTE
        self.handlers: dict[int, Any] = {signal.SIGINT: signal.default_int_handler}
        self.wakeup = -1
        self.arrived: list[int] = []  # signals whose handlers have yet to run, on the first thread
        self.limits: dict[int, tuple[int, int]] = {}
        self.stdout: Any = Stream(self, 1)
        self.stderr: Any = Stream(self, 2)
        self.private: dict[tuple[str, str], Any] = {}
        self.doom: int | None = None  # calls until it is killed in the middle of one
        self.interrupted_at = -math.inf  # when Ctrl-C last reached it
        self.alarm: tuple[int, int] | None = None  # calls of the first thread until a signal comes in one, and which
        self.kind = _kind(arguments)

    def __repr__(self) -> str:
        return f"{self.kind}:{self.pid}"

    @property
    def living(self) -> bool:
        return self.status is None

    @property
    def private_memory(self) -> int:
        """The bytes that no file has, which its end gives back: the rest is pages of mapped files."""
        return self.memory * 3 // 4

    # --- descriptors -------------------------------------------------------------------------------------------------

    def give(self, description: Description, at: int | None = None) -> int:
        """Gives it a descriptor of `description`: the lowest from `FIRST` on that is free, or `at`."""
        if at is None:
            at = FIRST
            while at in self.table:
                at += 1
            self.may_give()
        elif at in self.table:
            self.close(at)
        self.table[at] = description
        description.references += 1
        self.inheritable.discard(at)
        return at

    def may_give(self) -> None:
        """Raises OSError where it has as many descriptors as it may."""
        if len(self.table) >= self.limits.get(resource.RLIMIT_NOFILE, (1024, 0))[0]:
            raise fail(errno.EMFILE)

    def look_up(self, descriptor: int) -> Description:
        try:
            return self.table[descriptor]
        except KeyError:
            raise fail(errno.EBADF) from None

    def close(self, descriptor: int) -> None:
        description = self.table.pop(descriptor, None)
        if description is None:
            raise fail(errno.EBADF)
        description.release()

    # --- threads -----------------------------------------------------------------------------------------------------

    def may_start_thread(self) -> None:
        """Raises RuntimeError, as Python does, where there are threads enough."""
        if self.machine.faults.refuses("thread", self):
            raise RuntimeError("can't start new thread")

    def thread_failed(self, thread: Thread, error: BaseException) -> None:
        """Writes what has left a thread, as `threading.excepthook` does; the history has it as a finding."""
        lines = "".join(traceback.format_exception(error))
        self.complain(f"Exception in thread {thread.name}:\n{lines}")
        self.machine.note("uncaught", process=repr(self), thread=thread.name, error=f"{type(error).__name__}: {error}")

    def complain(self, text: str) -> None:
        """Writes to its standard error, wherever that leads."""
        try:
            self.look_up(2).write(text.encode())
        except OSError:
            pass

    # --- the end -----------------------------------------------------------------------------------------------------

    def end(self, status: int) -> None:
        """Ends it as the kernel does: no thread goes on, descriptors close, and its parent is told."""
        if self.status is not None:
            return
        machine = self.machine
        self.status, self.ended = status, machine.scheduler.time
        machine.note("exit", process=repr(self), status=status)
        machine.scheduler.bury(self)
        machine.died(self)
        for descriptor in list(self.table):
            self.close(descriptor)
        for child in self.children:
            child.parent = machine.init
            if child.status is not None:
                child.reaped = True
        self.children.clear()
        for watcher in self.watchers:
            watcher.changed()
        if self.parent is not None and self.parent.living and self.parent is not machine.init:
            machine.scheduler.wake(self.parent)
            self.parent.signal(signal.SIGCHLD)
        else:
            self.reaped = True

    def signal(self, number: int) -> None:
        if self.status is not None:
            return
        if number == signal.SIGKILL:
            self.end(-number)
        elif number == signal.SIGSTOP:
            self.stopped = True
            self.machine.scheduler.hold(self)
            self.machine.on_stop(self.pid)
        elif number == signal.SIGCONT:
            self.resumed += self.stopped
            self.stopped = False
            self.machine.scheduler.release(self)
            self.machine.on_go_on(self.pid)
        else:
            self._handle(number)

    def _handle(self, number: int) -> None:
        if number == signal.SIGINT:
            self.interrupted_at = self.machine.scheduler.time
        handler = self.handlers.get(number, signal.SIG_DFL)
        if handler == signal.SIG_IGN or (handler == signal.SIG_DFL and number in _HARMLESS):
            return
        if handler == signal.SIG_DFL:
            self.end(-number)
            return
        if self.wakeup in self.table:
            try:
                self.table[self.wakeup].write(bytes([number]))
            except OSError:
                pass  # full: the loop has enough to read
        self.arrived.append(number)
        if self.main is not None:
            self.machine.scheduler.interrupt(self.main)

    def run_handlers(self) -> None:
        """Runs the handlers of signals that have arrived, on the first thread; one may raise, wherever that was."""
        assert self.main
        while self.arrived and not self.main.masked:
            handler = self.handlers.get(number := self.arrived.pop(0))
            if callable(handler):
                handler(number, None)

    def run(self, program: Callable[[list[str]], int | None]) -> None:
        """Runs its program to the end, on its first thread."""
        try:
            status = program(self.arguments[1:]) or 0
        except SystemExit as error:
            status = _status(error, self)
        except BaseException:
            self.complain(traceback.format_exc())
            self.machine.note("uncaught", process=repr(self), thread="main", error=traceback.format_exc()[-300:])
            status = 1
        self.leave(status)

    def leave(self, status: int) -> None:
        """Ends it from within, at once."""
        self.end(status)
        self.machine.scheduler.leave()


class Stream(io.TextIOBase):
    """A standard stream of a process."""

    encoding = "utf-8"

    def __init__(self, process: Process, descriptor: int) -> None:
        self._process, self._descriptor = process, descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        self._process.look_up(self._descriptor).write(text.encode(errors="backslashreplace"))
        return len(text)

    def flush(self) -> None:
        pass


def _status(error: SystemExit, process: Process) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    process.complain(f"{error.code}\n")
    return 1


def _kind(arguments: list[str]) -> str:
    """A short name for a program, in the history."""
    return arguments[0].rpartition(".")[2].removeprefix("hushd_").removeprefix("async_") if arguments else "?"
