"""The simulated machine: its processes, memory and files of /proc, its faults, and their history."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .descriptors import Description, Endpoint, File
from .processes import MEGABYTE, Process
from .scheduler import ANYTHING, Scheduler, Timer

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
SCARCE = 0.15  # of all memory available: with less the machine says so, and programs may take heed
EPOCH = 1_800_000_000.0  # seconds since 1970 at which every simulation begins


class Machine:
    """A kernel.

    Args:
        memory: bytes of the machine.
    """

    def __init__(self, scheduler: Scheduler, memory: int = 8_000 * MEGABYTE) -> None:
        self.scheduler, self.memory_total = scheduler, memory
        self.random = scheduler.random
        self.memory_elsewhere = 2_000 * MEGABYTE  # taken by programs that are not simulated,
        self.scarce_at = -math.inf  # when a program last saw that memory is scarce
        self.faults: Any = None  # the storm, which it asks what fails
        self.programs: dict[str, Callable[[list[str]], int | None]] = {}
        self.processes: dict[int, Process] = {}
        self.init = Process(self, 1, None, ["init"], {}, {}, 1)
        self.processes[1] = self.init
        self.endpoints: dict[Endpoint, None] = {}  # the open ones
        self.path: list[str] = []  # where the packages are that programs find installed
        self.folder = ""  # of all files, whose name is another one on each run
        self.on_write: Callable[[Process, str, bytes], None] = lambda process, path, data: None  # to a file
        self.on_look: Callable[[Process], None] = lambda process: None  # at the machine's memory
        self.locked: dict[tuple[int, int], File] = {}
        self.clock_offset = 0.0  # of the wall clock, by which it was set
        self.events: list[dict[str, Any]] = []
        self.lines: list[bytes] = []
        self._digest = hashlib.sha256()
        self._pid = 100
        self._hastened = False
        self.on_stop: Callable[[int], None] = lambda pid: None
        self.on_go_on: Callable[[int], None] = lambda pid: None
        self.on_death: list[Callable[[int], None]] = []
        self.globals: list[tuple[str, str, Callable[[], Any]]] = []  # module, variable, its value in a new process
        self._inside: Process | None = None
        self.modules: Mapping[str, Any] = {}
        scheduler.enter = self._enter
        scheduler.at_point = self._at_point
        scheduler.at_wake = self._at_wake
        scheduler.idle(self._look)

    # --- the kernel, as `wire` sees it -------------------------------------------------------------------------------

    def now(self) -> float:
        return self.scheduler.now()

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return self.scheduler.later(seconds, call)

    def wait(self, ready: Callable[[], bool], seconds: float | None, sources: Collection[object] = ()) -> bool:
        process = self.current
        watched: list[object] = []
        for source in sources or (ANYTHING,):
            description = process.table.get(source) if process and isinstance(source, int) else None
            watched += description.sources() if description else (source,)
        return self.scheduler.wait(ready, seconds, watched)

    def wake(self, source: object) -> None:
        self.scheduler.wake(source)

    def process(self) -> int:
        return self.current.pid if self.current else 0

    def readable(self, descriptor: int) -> bool:
        process = self.current
        description = process.table.get(descriptor) if process else None
        return description is not None and description.readable()

    def idle(self, look: Callable[[], None]) -> None:
        self.scheduler.idle(look)

    # --- the history -------------------------------------------------------------------------------------------------

    def note(self, what: str, **facts: Any) -> None:
        """Adds an event to the history, and to its digest."""
        event = {"time": round(self.scheduler.time, 6), "event": what, **facts}
        self.events.append(event)
        text = json.dumps(event, sort_keys=True, default=str)
        self._digest.update((text.replace(self.folder, "") if self.folder else text).encode())

    def write(self, line: bytes) -> None:
        """Adds a line of a client's own history."""
        self.lines.append(line)
        self._digest.update(line)

    @property
    def digest(self) -> str:
        final = self._digest.copy()
        final.update(f"{self.scheduler.turns} {self.scheduler.points} {self.scheduler.time!r}".encode())
        return final.hexdigest()[:16]

    # --- processes ---------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Process | None:
        task = self.scheduler.current
        return task.owner if task else None

    def start(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        table: dict[int, Description],
        parent: Process | None = None,
        group: int | None = None,
    ) -> Process:
        """Starts a process. `arguments`: the module that it runs, and those of its command line; group 0: one of its
        own."""
        self._pid += 1 + self.random.randrange(3)
        parent = parent or self.init
        if group is None:
            group = parent.group
        process = Process(self, self._pid, parent, arguments, dict(environment), table, group)
        self.processes[process.pid] = process
        if parent is not self.init:
            parent.children.append(process)
        program = self.programs[arguments[0]]
        delay = self.faults.start_s(process.kind)
        self.note("start", process=repr(process), parent=parent.pid)
        self.faults.born(process)

        def body() -> None:
            self.scheduler.wait(lambda: self._hastened, delay, ("late",))
            process.cpu += min(delay, 0.03)
            process.run(program)

        process.main = self.scheduler.spawn(process, body, "main")
        return process

    def hasten(self) -> None:
        """Has all processes begin that are late, and those that come later begin at once."""
        self._hastened = True
        self.scheduler.wake("late")

    def signal_group(self, group: int, number: int) -> None:
        for process in list(self.processes.values()):
            if process.group == group and process.living:
                process.signal(number)

    def died(self, process: Process) -> None:
        """Tells the network of a process's end, before its descriptors close."""
        if self._inside is process:
            self._inside = None  # its variables interest nobody
        for told in self.on_death:
            told(process.pid)

    def reap(self, process: Process) -> None:
        process.reaped = True
        if process.parent and process in process.parent.children:
            process.parent.children.remove(process)

    def living(self, kind: str) -> list[Process]:
        return [process for process in self.processes.values() if process.living and process.kind == kind]

    def hand_over(self, descriptor: int) -> int:
        """Gives a socket of the current process to libzmq; returns its real descriptor."""
        assert self.current
        endpoint = self.current.look_up(descriptor)
        assert isinstance(endpoint, Endpoint)
        real = os.dup(endpoint.real.fileno())
        self.current.close(descriptor)
        return real

    def lock(self, file: File, *, wait: bool) -> bool:
        """Locks a real file for a description of it, as flock does; returns whether it could."""
        info = os.fstat(file.real)
        key = (info.st_dev, info.st_ino)

        def free() -> bool:
            return self.locked.get(key, file) is file

        if not free():
            if not wait:
                return False
            while not free():
                self.scheduler.wait(free, None, (key,))
        self.locked[key] = file
        return True

    def unlock(self, file: File) -> None:
        for key, holder in list(self.locked.items()):
            if holder is file:
                del self.locked[key]
                self.scheduler.wake(key)

    # --- memory ------------------------------------------------------------------------------------------------------

    @property
    def memory_available(self) -> int:
        used = sum(process.memory for process in self.processes.values() if process.living)
        return max(0, self.memory_total - self.memory_elsewhere - used)

    # --- the scheduler's calls ---------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Has those look again who wait for real sockets: of these nothing tells us."""
        for endpoint in self.endpoints:
            self.scheduler.wake(endpoint)

    def _enter(self, process: Process) -> None:
        """Puts the variables of a process into the modules that all share."""
        for module, name, fresh in self.globals:
            space = self.modules.get(module)
            if space is None:
                continue
            if self._inside is not None:
                self._inside.private[module, name] = space.__dict__[name]
            key = (module, name)
            space.__dict__[name] = process.private[key] if key in process.private else fresh()
        self._inside = process

    def _at_point(self) -> None:
        process = self.current
        assert process is not None
        process.cpu += 2e-6
        if process.doom is not None:
            process.doom -= 1
            if process.doom <= 0:
                process.doom = None
                self.note("kill", process=repr(process), why="at a call")
                process.end(-signal.SIGKILL)
                self.scheduler.leave()
        if self.scheduler.current is process.main:
            if process.alarm is not None:
                calls, number = process.alarm
                process.alarm = (calls - 1, number) if calls > 1 else None
                if process.alarm is None:
                    process.signal(number)
            self._at_wake()

    def _at_wake(self) -> None:
        process = self.current
        if process is not None and process.arrived and self.scheduler.current is process.main:
            if not process.living:
                self.scheduler.leave()  # by the signal itself
            process.run_handlers()


def proc_file(machine: Machine, path: str, current: Process) -> bytes | None:
    """The content of a file of /proc or /sys; None where there is none."""
    parts = path.split("/")[2:]
    if path == "/proc/meminfo":
        machine.on_look(current)
        free = machine.memory_available // 1024
        if machine.memory_available < SCARCE * machine.memory_total:
            machine.scarce_at = machine.scheduler.time
        return f"MemTotal: {machine.memory_total // 1024} kB\nMemFree: {free} kB\nMemAvailable: {free} kB\n".encode()
    if path == "/proc/vmstat":
        return b"oom_kill 0\n"
    if not path.startswith("/proc/") or len(parts) < 2:
        return None
    process = current if parts[0] in ("self", "thread-self") else machine.processes.get(_number(parts[0]))
    if process is None or process.reaped or process is machine.init:
        return None
    return _of_process(process, parts[1:])


def _of_process(process: Process, parts: list[str]) -> bytes | None:
    size = process.memory if process.living else 0
    kb = size // 1024
    match parts:
        case ["statm"]:
            return f"{size // PAGE * 2} {size // PAGE} {size // 4 // PAGE} 0 0 0 0\n".encode()
        case ["status"] if size:
            anonymous = process.private_memory // 1024
            rows = {"VmHWM": kb, "VmRSS": kb, "RssAnon": anonymous, "RssFile": kb - anonymous, "RssShmem": 0}
            return "".join(f"{name}:\t{value} kB\n" for name, value in rows.items()).encode()
        case ["status"]:
            return b"State:\tZ (zombie)\n"
        case ["smaps_rollup"] if size:
            own = process.private_memory // 1024
            rows = {"Rss": kb, "Pss": kb, "Pss_Anon": own, "Anonymous": own, "Private_Dirty": own}
            return "".join(f"{name}: {value} kB\n" for name, value in rows.items()).encode()
        case ["stat"]:
            state = "Z" if not process.living else "R" if process.starved else "T" if process.stopped else "S"
            parent = process.parent.pid if process.parent else 0
            ticks = int(process.cpu * TICKS)
            rest = [state, parent, process.group, 0, 0, 0, 0, 0, 0, 0, 0, ticks, 0, 0, 0, 20, 0, 1, 0]
            rest += [int(process.born * TICKS)] + [0] * 30
            return f"{process.pid} (python) {' '.join(map(str, rest))}\n".encode()
        case ["schedstat"]:
            return f"{int(process.cpu * 1e9)} 0 {1 + process.resumed}\n".encode()
        case ["io"]:
            return b"rchar: 1000\nread_bytes: 0\n"
        case ["task", _, "children"] | ["children"]:
            children = [child for child in process.children if not child.reaped]
            return " ".join(str(child.pid) for child in children).encode()
    return None


def proc_folder(machine: Machine, path: str, current: Process) -> list[str] | None:
    """The names in a folder of /proc or /dev; None where there is none."""
    parts = path.strip("/").split("/")
    if path in ("/dev/fd", "/proc/self/fd"):
        return [str(number) for number in sorted(current.table)]
    if len(parts) == 3 and parts[2] == "task":
        process = current if parts[1] == "self" else machine.processes.get(_number(parts[1]))
        if process is not None and process.living:
            return [str(process.pid)]
    return None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1
