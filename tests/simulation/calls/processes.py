"""The calls of `os` that concern processes, and `os` itself."""

from __future__ import annotations

import errno
import os as real
from collections.abc import Iterator, MutableMapping
from types import ModuleType
from typing import Any

from ..descriptors import Description, File, ProcessEnd, fail
from ..importer import Module
from ..machine import Machine
from ..processes import Process
from .files import WITH_FILE, WITH_PATH, Calls, Files, paths


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
        self._own[key] = value

    def __delitem__(self, key: str) -> None:
        del self._own[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._own))

    def __len__(self) -> int:
        return len(self._own)


class Processes(Calls):
    def getpid(self) -> int:
        return self._own.pid

    def getppid(self) -> int:
        return self._own.parent.pid if self._own.parent else 0

    def getpgrp(self) -> int:
        return self._own.group

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
        assert options & real.WNOHANG
        assert options & real.WNOWAIT
        return None if process.status is None else (pid, process.status)

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
        machine.start(module_of([shell, *command]), env, table, machine.init, group=0)
        machine.programs.setdefault("shell", lambda arguments: 0)
        return machine.start(["shell"], env, {}, own, group=0).pid

    def times(self) -> Any:
        return real.times_result((self._own.cpu, 0.0, 0.0, 0.0, self._machine.scheduler.time))


def module_of(command: list[str]) -> list[str]:
    """The module and the arguments of `python -P -m MODULE …`."""
    return list(command[command.index("-m") + 1 :])


def os_module(machine: Machine) -> ModuleType:
    files, processes = Files(machine), Processes(machine)
    own: dict[str, Any] = {name: files.with_path(name) for name in WITH_PATH}
    own |= {name: files.with_file(name) for name in WITH_FILE}
    for part in (files, processes):
        own |= {name: getattr(part, name) for name in dir(part) if name in dir(real)}
    own = {name: files.within(name, call) for name, call in own.items()}
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
        "umask": lambda mask: 0o022,
        "register_at_fork": lambda **_: None,
        "setsid": lambda: None,
        "path": paths(machine),
        "PathLike": real.PathLike,
    }
    return Module("os", real, **own)
