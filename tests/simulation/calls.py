"""The modules of the standard library by which a process meets its machine: `os`, `io`, `fcntl`, `select`, `signal`,
`socket`, `subprocess`, `time` and others, as simulated processes import them.

Where no simulated process runs, `os` and `open` are the real ones, since pathlib and tempfile have been given these.
"""

from __future__ import annotations

import errno
import fcntl as real_fcntl
import gc as real_gc
import io as real_io
import os as real
import select as real_select
import signal as real_signal
import socket as real_socket
import subprocess as real_subprocess
import sys as real_sys
import time as real_time
import traceback as real_traceback
from collections.abc import Callable, Iterator, MutableMapping
from types import ModuleType
from typing import Any

from .descriptors import Description, Endpoint, File, Pipe, ProcessEnd, Stalls, Text, fail
from .machine import EPOCH, Machine, proc_file, proc_folder
from .processes import Process

_VIRTUAL = ("/proc/", "/sys/", "/dev/fd", "/dev/dri", "/dev/nvidia", "/dev/kfd", "/run/")
_WITH_PATH = (
    "stat", "lstat", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "symlink", "readlink", "link", "chmod",
    "listdir", "scandir", "utime", "truncate", "mkfifo", "access", "statvfs", "walk",
)  # fmt: skip
_WITH_FILE = ("fstat", "ftruncate", "fsync", "fdatasync", "fchmod", "lseek", "fchown", "posix_fadvise", "fstatvfs")
_CHANGES = ("mkdir", "unlink", "remove", "rename", "replace", "symlink", "link")


class Module(ModuleType):
    """A module that is another one but for what it was given."""

    def __init__(self, name: str, real_module: ModuleType, **own: Any) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self.__dict__["_real"] = real_module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)


class Environment(MutableMapping[str, str]):
    """os.environ of whichever process runs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def _own(self) -> Any:
        process = self._machine.current
        return process.environment if process else real.environ

    def __getitem__(self, key: str) -> str:
        return str(self._own[key])

    def __setitem__(self, key: str, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"str expected, not {type(value).__name__}")
        self._own[key] = value

    def __delitem__(self, key: str) -> None:
        del self._own[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._own))

    def __len__(self) -> int:
        return len(self._own)

    def copy(self) -> dict[str, str]:
        return dict(self._own)


class Files:
    """The calls of `os` that concern descriptors and paths."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def _may(self, call: str, path: Any) -> Process | None:
        """A call is about to be made: others may come first, the process may be killed, the call may fail."""
        process = self._machine.current
        if process is not None:
            self._machine.scheduler.point()
            if number := self._machine.faults.at_file(call, path, process):
                self._machine.note("fault", call=call, error=errno.errorcode[number], process=repr(process))
                raise fail(number)
        return process

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: None = None) -> int:
        process = self._may("open", path)
        if process is None:
            return real.open(path, flags, mode)
        name = real.fsdecode(path)
        return process.give(self._description(process, name, flags, mode))

    def _description(self, process: Process, name: str, flags: int, mode: int) -> Description:
        machine = self._machine
        if name == "/proc/pressure/memory":
            return Stalls(machine, proc_file(machine, name, process) or b"")
        if name.startswith(_VIRTUAL):
            content = proc_file(machine, name, process)
            if content is None:
                raise FileNotFoundError(errno.ENOENT, real.strerror(errno.ENOENT), name)
            return Text(machine, content)
        umask = 0o077  # of the supervisor; the others' files are private all the same
        return File(machine, real.open(name, flags, mode & ~umask), name)

    def read(self, descriptor: int, size: int) -> bytes:
        process = self._machine.current
        if process is None:
            return real.read(descriptor, size)
        self._machine.scheduler.point()
        description = process.look_up(descriptor)
        if isinstance(description, File):
            self._may("read", description.path)
        return description.read(size)

    def write(self, descriptor: int, data: bytes) -> int:
        process = self._machine.current
        if process is None:
            return real.write(descriptor, data)
        self._machine.scheduler.point()
        description = process.look_up(descriptor)
        if isinstance(description, File):
            self._may("write", description.path)
        return description.write(bytes(data))

    def close(self, descriptor: int) -> None:
        process = self._machine.current
        if process is None:
            return real.close(descriptor)
        process.close(descriptor)
        self._machine.scheduler.point()
        return None

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        return real.pread(self._real(descriptor, "read"), size, offset)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        return real.pwrite(self._real(descriptor, "write"), data, offset)

    def dup(self, descriptor: int) -> int:
        process = self._machine.current
        if process is None:
            return real.dup(descriptor)
        if self._machine.is_foreign(descriptor):
            return process.give(Endpoint(self._machine, real_socket.socket(fileno=real.dup(descriptor))))
        return process.give(process.look_up(descriptor))

    def dup2(self, descriptor: int, other: int, inheritable: bool = True) -> int:
        process = self._machine.current
        if process is None:
            return real.dup2(descriptor, other, inheritable)
        process.give(process.look_up(descriptor), other)
        if inheritable:
            process.inheritable.add(other)
        return other

    def pipe(self) -> tuple[int, int]:
        process = self._may("pipe", "")
        if process is None:
            return real.pipe()
        pipe = Pipe(self._machine)
        assert pipe.reader
        assert pipe.writer
        reading = process.give(pipe.reader)
        try:
            return reading, process.give(pipe.writer)
        except OSError:
            process.close(reading)
            raise

    def set_blocking(self, descriptor: int, blocking: bool) -> None:
        process = self._machine.current
        if process is None:
            return real.set_blocking(descriptor, blocking)
        process.look_up(descriptor).blocking = blocking
        return None

    def set_inheritable(self, descriptor: int, inheritable: bool) -> None:
        process = self._machine.current
        assert process
        (process.inheritable.add if inheritable else process.inheritable.discard)(descriptor)

    def get_inheritable(self, descriptor: int) -> bool:
        process = self._machine.current
        assert process
        process.look_up(descriptor)
        return descriptor in process.inheritable

    def isatty(self, descriptor: int) -> bool:
        return False

    def _real(self, descriptor: int, call: str) -> int:
        """The real descriptor of a real file."""
        process = self._machine.current
        if process is None:
            return descriptor
        description = process.look_up(descriptor)
        if isinstance(description, File):
            self._may(call, description.path)
            return description.real
        raise fail(errno.EINVAL)

    def fstat(self, descriptor: int) -> Any:
        process = self._machine.current
        if process is None or self._machine.is_foreign(descriptor):
            return real.fstat(descriptor)
        description = process.look_up(descriptor)
        if isinstance(description, File):
            return real.fstat(description.real)
        if isinstance(description, Endpoint):
            return real.fstat(description.real.fileno())
        return real.stat_result((0o010600, id(description), 0, 1, 0, 0, 0, 0, 0, 0))

    def with_file(self, name: str) -> Callable[..., Any]:
        """A call whose first argument is a descriptor."""
        function = getattr(real, name)

        def call(descriptor: int, *rest: Any, **named: Any) -> Any:
            return function(self._real(descriptor, name), *rest, **named)

        return call

    def with_path(self, name: str) -> Callable[..., Any]:
        """A call whose first argument is a path."""
        function = getattr(real, name)

        def call(path: Any = ".", *rest: Any, **named: Any) -> Any:
            if isinstance(path, int):
                return function(self._real(path, name), *rest, **named)
            process = self._machine.current
            if process is None:
                return function(path, *rest, **named)
            text = real.fsdecode(path)
            if text.startswith(_VIRTUAL):
                return self._virtual(name, text, process)
            if name in _CHANGES:
                self._may(name, text)
            result = function(path, *rest, **named)
            return sorted(result) if name == "listdir" else result

        return call

    def _virtual(self, name: str, path: str, process: Process) -> Any:
        if name == "access":
            return False
        if name in ("listdir", "scandir") and (names := proc_folder(self._machine, path, process)) is not None:
            return names
        if name == "stat" and proc_file(self._machine, path, process) is not None:
            return real.stat("/dev/null")
        raise FileNotFoundError(errno.ENOENT, real.strerror(errno.ENOENT), path)


class Processes:
    """The calls of `os` that concern processes."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def _own(self) -> Process:
        process = self._machine.current
        assert process is not None
        return process

    def getpid(self) -> int:
        process = self._machine.current
        return process.pid if process else real.getpid()

    def getppid(self) -> int:
        return self._own.parent.pid if self._own.parent else 0

    def getpgrp(self) -> int:
        return self._own.group

    def getpgid(self, pid: int) -> int:
        return self._of(pid).group

    def kill(self, pid: int, number: int) -> None:
        process = self._of(pid)
        if number:
            process.signal(number)
            self._leave_if_dead()

    def killpg(self, group: int, number: int) -> None:
        group = group or self._own.group
        members = [p for p in self._machine.processes.values() if p.group == group and not p.reaped]
        if not members:
            raise ProcessLookupError(errno.ESRCH, "No such process")
        self._machine.signal_group(group, number)
        self._leave_if_dead()

    def _leave_if_dead(self) -> None:
        if not self._own.living:
            self._machine.scheduler.leave()

    def _of(self, pid: int) -> Process:
        process = self._machine.processes.get(pid or self._own.pid)
        if process is None or process.reaped:
            raise ProcessLookupError(errno.ESRCH, "No such process")
        return process

    def _exit(self, status: int) -> None:
        self._own.leave(status)

    def pidfd_open(self, pid: int, flags: int = 0) -> int:
        process = self._of(pid)
        return self._own.give(ProcessEnd(self._machine, process))

    def _child(self, pid: int) -> Process:
        process = self._machine.processes.get(pid)
        if process is None or process.reaped or process.parent is not self._own:
            raise ChildProcessError(errno.ECHILD, "No child processes")
        return process

    def waitid(self, kind: int, pid: int, options: int) -> Any:
        process = self._child(pid)
        if process.status is None:
            if options & real.WNOHANG:
                return None
            self._machine.scheduler.wait(lambda: process.status is not None, None, (self._own,))
        if not options & real.WNOWAIT:
            self._machine.reap(process)
        return (pid, process.status)

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        process = self._child(pid)
        if process.status is None:
            if options & real.WNOHANG:
                return 0, 0
            self._machine.scheduler.wait(lambda: process.status is not None, None, (self._own,))
        self._machine.reap(process)
        status = process.status or 0
        return pid, (-status if status < 0 else status << 8)

    def posix_spawn(self, path: str, argv: list[str], env: Any, *, file_actions: Any = (), **_: Any) -> int:
        """Only what a client does: a shell that ends at once, and leaves a program in the background."""
        machine, own = self._machine, self._own
        machine.scheduler.point()
        if machine.faults.refuses("spawn", own):
            raise fail(errno.EAGAIN)
        table = {number: own.table[number] for number in own.inheritable if number in own.table}
        table.update({number: own.table[number] for number in (0, 1, 2) if number in own.table})
        opened: list[Description] = []
        for action in file_actions:
            if action[0] == real.POSIX_SPAWN_DUP2:
                table[action[2]] = own.look_up(action[1])
            elif action[0] == real.POSIX_SPAWN_OPEN:
                description = File(machine, real.open(action[2], action[3], action[4]), action[2])
                table[action[1]] = description
                opened.append(description)
            elif action[0] == real.POSIX_SPAWN_CLOSE:
                table.pop(action[1], None)
        shell, *command = argv[argv.index("sh", 1) + 1 :]
        machine.start(_module([shell, *command]), env, table, machine.init, group=0)
        machine.programs.setdefault("shell", lambda arguments: 0)
        return machine.start(["shell"], env, {}, own, group=0).pid

    def times(self) -> Any:
        return real.times_result((self._own.cpu, 0.0, 0.0, 0.0, self._machine.scheduler.time))


def _module(command: list[str]) -> list[str]:
    """The module and the arguments of `python -P -m MODULE …`."""
    return list(command[command.index("-m") + 1 :])


def os_module(machine: Machine) -> ModuleType:
    files, processes = Files(machine), Processes(machine)
    own: dict[str, Any] = {}
    for part in (files, processes):
        own |= {name: getattr(part, name) for name in dir(part) if not name.startswith("_") or name == "_exit"}
    own |= {name: files.with_path(name) for name in _WITH_PATH}
    own |= {name: files.with_file(name) for name in _WITH_FILE if name not in own}
    environment = Environment(machine)

    def fdopen(descriptor: int, mode: str = "r", *rest: Any, **named: Any) -> Any:
        return machine.modules["io"].open(descriptor, mode, *rest, **named)

    own |= {
        "environ": environment,
        "getenv": lambda key, default=None: environment.get(key, default),
        "urandom": lambda size: machine.random.randbytes(size) if machine.current else real.urandom(size),
        "fdopen": fdopen,
        "sched_getaffinity": lambda pid: {0, 1, 2, 3},
        "cpu_count": lambda: 4,
        "getpriority": lambda *_: 0,
        "setpriority": lambda *_: None,
        "umask": lambda mask: 0o022,
        "setsid": lambda: None,
        "path": _paths(machine, files),
        "PathLike": real.PathLike,
    }
    return Module("os", real, **own)


def _paths(machine: Machine, files: Files) -> ModuleType:
    """os.path, which looks at simulated files for those of /proc."""

    def virtual(path: Any) -> bool:
        return (
            machine.current is not None and isinstance(path, str | bytes) and real.fsdecode(path).startswith(_VIRTUAL)
        )

    def guarded(name: str) -> Callable[[Any], Any]:
        function = getattr(real.path, name)

        def call(path: Any) -> Any:
            if virtual(path):
                process = machine.current
                assert process
                text = real.fsdecode(path)
                if text == "/proc/thread-self/children":
                    return True
                return proc_file(machine, text, process) is not None and name != "isdir"
            return function(path)

        return call

    return Module("posixpath", real.path, **{n: guarded(n) for n in ("exists", "lexists", "isfile", "isdir", "islink")})


# --- io --------------------------------------------------------------------------------------------------------------


def io_module(machine: Machine, os: ModuleType) -> ModuleType:
    """`io`, with `open` and FileIO on simulated descriptors."""

    class FileIO(real_io.RawIOBase):
        def __init__(self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None) -> None:
            self.mode, self._closefd, self._process = mode, closefd, machine.current
            if isinstance(file, int):
                self._descriptor = file
            else:
                flags = _flags(mode) | real.O_CLOEXEC
                self._descriptor = opener(file, flags) if opener else os.open(file, flags, 0o666)
            self.name = file
            if "a" in mode:
                os.lseek(self._descriptor, 0, real.SEEK_END)

        def fileno(self) -> int:
            return self._descriptor

        def readable(self) -> bool:
            return "r" in self.mode or "+" in self.mode

        def writable(self) -> bool:
            return any(letter in self.mode for letter in "wax+")

        def seekable(self) -> bool:
            process = machine.current
            return process is not None and isinstance(process.table.get(self._descriptor), File)

        def readinto(self, buffer: Any) -> int:
            data = os.read(self._descriptor, len(buffer))
            buffer[: len(data)] = data
            return len(data)

        def write(self, data: Any) -> int:
            return int(os.write(self._descriptor, data))

        def seek(self, offset: int, whence: int = 0) -> int:
            if not self.seekable():
                raise fail(errno.ESPIPE)
            return int(os.lseek(self._descriptor, offset, whence))

        def tell(self) -> int:
            return self.seek(0, 1)

        def truncate(self, size: int | None = None) -> int:
            size = self.tell() if size is None else size
            os.ftruncate(self._descriptor, size)
            return size

        def isatty(self) -> bool:
            return False

        def close(self) -> None:
            if self.closed:
                return
            super().close()
            if self._closefd and self._process is not None and self._process is machine.current:
                os.close(self._descriptor)
            elif self._closefd and self._process is not None and self._process.living:
                self._process.close(self._descriptor)

    def open_(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
        newline: str | None = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        if machine.current is None:
            return open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = FileIO(
            file if isinstance(file, int) else real.fspath(file),
            mode.replace("b", "").replace("t", ""),
            closefd,
            opener,
        )
        if buffering == 0:
            return raw
        if "+" in mode:
            buffered: Any = real_io.BufferedRandom(raw)
        elif raw.writable():
            buffered = real_io.BufferedWriter(raw)
        else:
            buffered = real_io.BufferedReader(raw)
        if "b" in mode:
            return buffered
        return real_io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)

    return Module("io", real_io, FileIO=FileIO, open=open_)


def _flags(mode: str) -> int:
    plus = "+" in mode
    if "r" in mode:
        return real.O_RDWR if plus else real.O_RDONLY
    flags = real.O_RDWR if plus else real.O_WRONLY
    flags |= real.O_CREAT
    if "w" in mode:
        flags |= real.O_TRUNC
    elif "x" in mode:
        flags |= real.O_EXCL
    elif "a" in mode:
        flags |= real.O_APPEND
    return flags


# --- time, signals, polling -------------------------------------------------------------------------------------------


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
        before, own().wakeup = own().wakeup, descriptor
        return before

    return Module(
        "signal", real_signal, signal=handle, set_wakeup_fd=wake, setitimer=lambda *_: (0.0, 0.0),
        getsignal=lambda number: own().handlers.get(number, real_signal.SIG_DFL),
        pthread_sigmask=lambda *_: set(),
    )  # fmt: skip


def select_module(machine: Machine) -> ModuleType:
    class Poll:
        def __init__(self) -> None:
            self._watched: dict[int, int] = {}

        def register(self, descriptor: Any, events: int = 3) -> None:
            self._watched[descriptor if isinstance(descriptor, int) else descriptor.fileno()] = events

        modify = register

        def unregister(self, descriptor: Any) -> None:
            del self._watched[descriptor if isinstance(descriptor, int) else descriptor.fileno()]

        def poll(self, milliseconds: float | None = None) -> list[tuple[int, int]]:
            process = machine.current
            assert process
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

    return Module("select", real_select, poll=Poll)


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

    def ioctl(descriptor: int, *rest: Any) -> Any:
        if machine.is_foreign(descriptor):
            return real_fcntl.ioctl(descriptor, *rest)
        raise fail(errno.ENOTTY)

    return Module("fcntl", real_fcntl, flock=flock, fcntl=control, ioctl=ioctl)


# --- sockets ----------------------------------------------------------------------------------------------------------


def socket_module(machine: Machine) -> ModuleType:
    class Socket:
        """A Unix stream socket."""

        def __init__(
            self, family: int = real_socket.AF_UNIX, kind: int = 1, protocol: int = 0, fileno: int | None = None
        ):
            process = machine.current
            assert process
            if fileno is None and family != real_socket.AF_UNIX:
                raise fail(errno.EAFNOSUPPORT)
            self.family, self.type = family, kind
            self._process = process
            if fileno is None:
                fileno = process.give(Endpoint(machine, real_socket.socket(family, kind, protocol)))
            self._descriptor = fileno

        @property
        def _end(self) -> Endpoint:
            end = self._process.look_up(self._descriptor)
            assert isinstance(end, Endpoint)
            return end

        def fileno(self) -> int:
            return self._descriptor

        def bind(self, path: Any) -> None:
            machine.scheduler.point()
            self._end.real.bind(path)

        def listen(self, backlog: int = 0) -> None:
            self._end.real.listen(backlog)

        def connect(self, path: Any) -> None:
            machine.scheduler.point()
            self._end.real.connect(path)

        def accept(self) -> tuple[Socket, str]:
            return Socket(fileno=self._process.give(self._end.accept())), ""

        def recv(self, size: int, flags: int = 0) -> bytes:
            return self._end.read(size)

        def send(self, data: bytes, flags: int = 0) -> int:
            return self._end.write(data)

        def sendall(self, data: bytes, flags: int = 0) -> None:
            self._end.write(data)

        def shutdown(self, how: int) -> None:
            self._end.real.shutdown(how)

        def setblocking(self, blocking: bool) -> None:
            self._end.blocking = blocking

        def settimeout(self, seconds: float | None) -> None:
            self._end.blocking = seconds is None

        def setsockopt(self, *_: Any) -> None:
            pass

        def detach(self) -> int:
            descriptor, self._descriptor = self._descriptor, -1
            return descriptor

        def close(self) -> None:
            if self._descriptor >= 0:
                self._process.close(self.detach())

        def __enter__(self) -> Socket:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

    return Module("socket", real_socket, socket=Socket)


# --- the rest ---------------------------------------------------------------------------------------------------------


def subprocess_module(machine: Machine) -> ModuleType:
    class Popen:
        """A child process, started by the machine."""

        def __init__(
            self, args: Any, *, env: Any = None, cwd: Any = None, stdin: Any = None, stdout: Any = None,
            stderr: Any = None, pass_fds: Any = (),
            close_fds: bool = True, process_group: int | None = None, start_new_session: bool = False,
        ) -> None:  # fmt: skip
            own = machine.current
            assert own
            machine.scheduler.point()
            if machine.faults.refuses("spawn", own):
                raise fail(errno.EAGAIN)
            null = File(machine, real.open("/dev/null", real.O_RDWR), "/dev/null")
            table = {
                number: null if at in (None, real_subprocess.DEVNULL) else own.look_up(at)
                for number, at in enumerate((stdin, stdout, stderr))
            }
            table |= {number: own.look_up(number) for number in pass_fds}
            if null not in table.values():
                null.dropped()
            environment = own.environment if env is None else env
            group = 0 if process_group == 0 or start_new_session else own.group
            self.args, self.returncode = args, None
            self._process = machine.start(_module(list(args)), environment, table, own, group)
            self._process.inheritable |= set(pass_fds)
            self.pid = self._process.pid

        def poll(self) -> int | None:
            if self.returncode is None and self._process.status is not None:
                machine.reap(self._process)
                self.returncode = self._process.status
            return self.returncode

        def wait(self, timeout: float | None = None) -> int:
            if not machine.scheduler.wait(lambda: self._process.status is not None, timeout, (machine.current,)):
                raise real_subprocess.TimeoutExpired(self.args, timeout or 0)
            return self.poll() or 0

        def send_signal(self, number: int) -> None:
            if self.poll() is None:
                self._process.signal(number)

        def kill(self) -> None:
            self.send_signal(real_signal.SIGKILL)

        def terminate(self) -> None:
            self.send_signal(real_signal.SIGTERM)

    return Module("subprocess", real_subprocess, Popen=Popen)


def sys_module(machine: Machine) -> ModuleType:
    class Sys(Module):
        @property
        def stdout(self) -> Any:
            return machine.current.stdout if machine.current else real_sys.stdout

        @stdout.setter
        def stdout(self, stream: Any) -> None:
            assert machine.current
            machine.current.stdout = stream

        @property
        def stderr(self) -> Any:
            return machine.current.stderr if machine.current else real_sys.stderr

        @stderr.setter
        def stderr(self, stream: Any) -> None:
            assert machine.current
            machine.current.stderr = stream

        @property
        def argv(self) -> list[str]:
            return machine.current.arguments if machine.current else real_sys.argv

    return Sys("sys", real_sys)


class _Library:
    """A C library that does nothing, but for the generator of which libzmq draws the numbers of its connections."""

    def __init__(self, real_library: Any) -> None:
        self.srand = real_library.srand

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *_, **__: 0


def small_modules(machine: Machine) -> dict[str, ModuleType]:
    """Those of which little is used."""
    import ctypes
    import resource

    def print_exc(*_: Any, **__: Any) -> None:
        assert machine.current
        machine.current.complain(real_traceback.format_exc())

    library = _Library(ctypes.CDLL(None))
    unlimited = resource.RLIM_INFINITY

    def limit(kind: int) -> tuple[int, int]:
        assert machine.current
        usual = (1024, 1 << 19) if kind == resource.RLIMIT_NOFILE else (unlimited, unlimited)
        return machine.current.limits.get(kind, usual)

    def set_limit(kind: int, limits: tuple[int, int]) -> None:
        assert machine.current
        machine.current.limits[kind] = limits

    return {
        "gc": Module("gc", real_gc, collect=lambda *_: 0, freeze=lambda: None, enable=lambda: None),
        "ctypes": Module("ctypes", ctypes, CDLL=lambda *_, **__: library, get_errno=lambda: 0),
        "resource": Module("resource", resource, getrlimit=limit, setrlimit=set_limit, prlimit=lambda *_: limit(_[1])),
        "traceback": Module("traceback", real_traceback, print_exc=print_exc),
    }
