"""`subprocess`, `sys`, and modules of which little is used."""

from __future__ import annotations

import ctypes
import errno
import gc as real_gc
import importlib
import os as real
import resource
import subprocess as real_subprocess
import sys as real_sys
import traceback as real_traceback
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

from ..descriptors import File, fail
from ..importer import Module
from ..machine import Machine
from .processes import module_of

with suppress(ImportError):  # since Python 3.14 a structure's class has its module import it, and then looks for it
    importlib.import_module("ctypes._layout")


def subprocess_module(machine: Machine) -> ModuleType:
    class Popen:
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
            if seconds := machine.faults.spawn_s(own):
                machine.scheduler.wait(lambda: False, seconds, ("spawn",))
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
            self._process = machine.start(module_of(list(args)), environment, table, own, group)
            self._process.inheritable |= set(pass_fds)
            self.pid = self._process.pid

        def poll(self) -> int | None:
            if self.returncode is None and self._process.status is not None:
                machine.reap(self._process)
                self.returncode = self._process.status
            return self.returncode

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

        def set_asyncgen_hooks(self, firstiter: Any = None, finalizer: Any = None) -> None:
            machine.scheduler.hook_generators((firstiter, finalizer))

        @property
        def path(self) -> list[str]:
            return machine.path if machine.current else real_sys.path

    return Sys("sys", real_sys)


class _Library:
    """A C library that does nothing."""

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *_, **__: 0


def small_modules(machine: Machine) -> dict[str, ModuleType]:
    """Those of which little is used."""

    def print_exc(*_: Any, **__: Any) -> None:
        assert machine.current
        machine.current.complain(real_traceback.format_exc())

    def print_exception(error: BaseException) -> None:
        assert machine.current
        machine.current.complain("".join(real_traceback.format_exception(error)))

    def print_tb(frames: Any) -> None:
        assert machine.current
        machine.current.complain("".join(real_traceback.format_tb(frames)))

    library = _Library()
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
        "traceback": Module(
            "traceback", real_traceback, print_exc=print_exc, print_exception=print_exception, print_tb=print_tb
        ),
    }
