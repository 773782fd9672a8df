"""The calls of `os` that concern descriptors and paths."""

from __future__ import annotations

import errno
import os as real
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..descriptors import Description, Endpoint, File, Pipe, Text, fail
from ..importer import Module
from ..machine import Machine, proc_file, proc_folder
from ..processes import Process

_VIRTUAL = ("/proc/", "/sys/", "/dev/fd", "/dev/dri", "/dev/nvidia", "/dev/kfd", "/run/")
WITH_PATH = (
    "stat", "lstat", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "symlink", "readlink", "link", "chmod",
    "listdir", "scandir", "utime", "truncate", "mkfifo", "access", "statvfs", "walk",
)  # fmt: skip
WITH_FILE = ("fstat", "ftruncate", "fsync", "fdatasync", "fchmod", "lseek", "fchown", "posix_fadvise", "fstatvfs")
_CHANGES = ("mkdir", "unlink", "remove", "rename", "replace", "symlink", "link")


class Calls:
    """Calls of the process that runs now."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def _own(self) -> Process:
        process = self._machine.current
        assert process is not None
        return process

    def within(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call of `os` that is the real one where no simulated process runs."""
        function = getattr(real, name)

        def either(*arguments: Any, **named: Any) -> Any:
            return (call if self._machine.current else function)(*arguments, **named)

        return either


class Files(Calls):
    """The calls of `os` that concern descriptors and paths."""

    def _may(self, call: str, path: Any) -> Process:
        """A call is about to be made: others may come first, the process may be killed, the call may fail."""
        process = self._own
        self._machine.scheduler.point()
        if number := self._machine.faults.at_file(call, path, process):
            self._machine.note("fault", call=call, error=errno.errorcode[number], process=repr(process))
            raise fail(number)
        return process

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        process = self._may("open", path)
        return process.give(self._description(process, real.fsdecode(path), flags, mode))

    def memfd_create(self, name: str, flags: int = 0) -> int:
        process = self._may("open", "/proc/memory")  # which no disk is asked for
        return process.give(File(self._machine, real.memfd_create(name, flags), "/proc/memory"))

    def _description(self, process: Process, name: str, flags: int, mode: int) -> Description:
        machine = self._machine
        if name.startswith(_VIRTUAL):
            content = proc_file(machine, name, process)
            if content is None:
                raise FileNotFoundError(errno.ENOENT, real.strerror(errno.ENOENT), name)
            return Text(machine, content)
        umask = 0o077  # of the supervisor; the others' files are private all the same
        return File(machine, real.open(name, flags, mode & ~umask), name)

    def read(self, descriptor: int, size: int) -> bytes:
        self._machine.scheduler.point()
        description = self._own.look_up(descriptor)
        if isinstance(description, File):
            self._may("read", description.path)
            size = self._shortened(size)
        return description.read(size)

    def write(self, descriptor: int, data: bytes) -> int:
        self._machine.scheduler.point()
        description = self._own.look_up(descriptor)
        if isinstance(description, File):
            process = self._may("write", description.path)
            self._machine.on_write(process, description.path, data)
            data = data[: self._shortened(len(data))]
        return description.write(bytes(data))

    def close(self, descriptor: int) -> None:
        description = self._own.look_up(descriptor)
        self._own.close(descriptor)
        if isinstance(description, File):
            self._may("close", description.path)  # a file on a server may report only here that it is full
        else:
            self._machine.scheduler.point()

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        return real.pread(self._real(descriptor, "read"), self._shortened(size), offset)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        return real.pwrite(self._real(descriptor, "write"), data[: self._shortened(len(data))], offset)

    def _shortened(self, size: int) -> int:
        return int(self._machine.faults.shortened(size, self._own))

    def dup(self, descriptor: int) -> int:
        process = self._may("dup", "")
        return process.give(process.look_up(descriptor))

    def dup2(self, descriptor: int, other: int, inheritable: bool = True) -> int:
        self._own.give(self._own.look_up(descriptor), other)
        if inheritable:
            self._own.inheritable.add(other)
        return other

    def pipe(self) -> tuple[int, int]:
        process = self._may("pipe", "")
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
        self._own.look_up(descriptor).blocking = blocking

    def set_inheritable(self, descriptor: int, inheritable: bool) -> None:
        (self._own.inheritable.add if inheritable else self._own.inheritable.discard)(descriptor)

    def get_inheritable(self, descriptor: int) -> bool:
        self._own.look_up(descriptor)
        return descriptor in self._own.inheritable

    def isatty(self, descriptor: int) -> bool:
        return False

    def _real(self, descriptor: int, call: str) -> int:
        """The real descriptor of a real file."""
        description = self._own.look_up(descriptor)
        if isinstance(description, File):
            self._may(call, description.path)
            return description.real
        raise fail(errno.EINVAL)

    def fstat(self, descriptor: int) -> Any:
        description = self._own.look_up(descriptor)
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
        function = getattr(real, name)

        def call(path: Any = ".", *rest: Any, **named: Any) -> Any:
            if isinstance(path, int):
                return function(self._real(path, name), *rest, **named)
            text = real.fsdecode(path)
            if text.startswith(_VIRTUAL):
                return self._virtual(name, text)
            if name in _CHANGES:
                self._may(name, text)
            result = function(path, *rest, **named)
            return sorted(result) if name == "listdir" else result

        return call

    def _virtual(self, name: str, path: str) -> Any:
        if name == "access":
            return False
        if name in ("listdir", "scandir") and (names := proc_folder(self._machine, path, self._own)) is not None:
            return names
        if name == "stat" and proc_file(self._machine, path, self._own) is not None:
            return real.stat("/dev/null")
        raise FileNotFoundError(errno.ENOENT, real.strerror(errno.ENOENT), path)


def paths(machine: Machine) -> ModuleType:
    """os.path, which looks at simulated files for those of /proc."""

    def guarded(name: str) -> Callable[[Any], Any]:
        function = getattr(real.path, name)

        def call(path: Any) -> Any:
            text = real.fsdecode(path) if isinstance(path, str | bytes) else ""
            if machine.current is None or not text.startswith(_VIRTUAL):
                return function(path)
            there = text == "/proc/thread-self/children" or proc_file(machine, text, machine.current) is not None
            return there and name != "isdir"

        return call

    return Module("posixpath", real.path, **{n: guarded(n) for n in ("exists", "lexists", "isfile", "isdir", "islink")})
