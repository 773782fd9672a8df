"""The calls of `os` that concern descriptors and paths."""

from __future__ import annotations

import errno
import os as real
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..descriptors import Description, Endpoint, File, Pipe, Stalls, Text, fail
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

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        process = self._may("open", path)
        if process is None:  # it is the runner, which removes its folders
            return real.open(path, flags, mode, dir_fd=dir_fd)
        name = real.fsdecode(path)
        return process.give(self._description(process, name, flags, mode))

    def memfd_create(self, name: str, flags: int = 0) -> int:
        process = self._may("open", "/proc/memory")  # which no disk is asked for
        number = real.memfd_create(name, flags)
        return process.give(File(self._machine, number, "/proc/memory")) if process else number

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
            size = self._machine.faults.shortened(size, process)
        return description.read(size)

    def write(self, descriptor: int, data: bytes) -> int:
        process = self._machine.current
        if process is None:
            return real.write(descriptor, data)
        self._machine.scheduler.point()
        description = process.look_up(descriptor)
        if isinstance(description, File):
            self._may("write", description.path)
            self._machine.on_write(process, description.path, data)
            data = data[: self._machine.faults.shortened(len(data), process)]
        return description.write(bytes(data))

    def close(self, descriptor: int) -> None:
        process = self._machine.current
        if process is None:
            return real.close(descriptor)
        description = process.look_up(descriptor)
        process.close(descriptor)
        if isinstance(description, File):
            self._may("close", description.path)  # a file on a server may report only here that it is full
        else:
            self._machine.scheduler.point()
        return None

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        number = self._real(descriptor, "read")
        return real.pread(number, self._shortened(size), offset)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        number = self._real(descriptor, "write")
        return real.pwrite(number, data[: self._shortened(len(data))], offset)

    def _shortened(self, size: int) -> int:
        process = self._machine.current
        return self._machine.faults.shortened(size, process) if process else size

    def dup(self, descriptor: int) -> int:
        process = self._machine.current
        if process is None:
            return real.dup(descriptor)
        self._may("dup", "")
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
        if process is None:
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


def paths(machine: Machine, files: Files) -> ModuleType:
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
