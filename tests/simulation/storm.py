"""The faults of the simulated machine, as a script has them."""

from __future__ import annotations

import errno
import signal
from typing import Any

from history.events import Event

from .machine import Machine
from .processes import MEGABYTE, Process

_WRITING = ("open", "write", "fsync", "ftruncate", "mkdir", "rename", "replace", "symlink")
_FAILING = {errno.EIO: (*_WRITING, "read"), errno.ENOSPC: _WRITING, errno.EMFILE: ("open", "pipe")}  # calls, by error


class Storm:
    """The faults of a simulation; the machine asks it what fails.

    Attributes:
        crashing: the share of jobs in which an engine ends its process.
        over: whether nothing goes wrong any more.
    """

    def __init__(self, machine: Machine, network: Any) -> None:
        self._machine, self._network = machine, network
        self._pace = network.pace
        self._disk: tuple[int, float] = (0, 0.0)  # the error of calls on files, and the share of them that fail
        self._stops: dict[int, int] = {}  # how often a process was stopped, by its pid
        self._late = 0.0  # seconds until a process runs
        self._blows: list[float] = []  # when a supervisor was ended, or told to leave
        self._standstills: list[float] = []  # when those ended in which one may have been stopped
        self.crashing = 0.0
        self.over = False

    def excuses(self, since: float, most: int) -> bool:
        """Returns whether a request that began at `since` may have been lost: so many supervisors ended over it, or
        one stood still, which its clients give up after some seconds."""
        ended = [p.ended for p in self._machine.processes.values() if p.kind == "supervisor" and not p.living]
        blows = sum(moment >= since for moment in (*self._blows, *ended))
        return blows >= most or any(moment >= since for moment in self._standstills)

    def strike(self, kind: str, how: list[Any]) -> None:
        """Has a fault happen, unless the storm is over."""
        if not self.over:
            getattr(self, f"_do_{kind}")(*how)

    def _target(self, kind: str, which: int) -> Process | None:
        name = {"worker": "engine", "client": "person"}.get(kind, kind)
        living = self._machine.living(name)
        return living[which % len(living)] if living else None

    def _note_fault(self, kind: str, target: object = "machine", **more: Any) -> None:
        if isinstance(target, Process):
            more["process"] = repr(target)
            target = target.arguments[1] if target.kind == "person" else target.kind.replace("engine", "worker")
        fields = {"kind": kind, "target": str(target), **more}
        self._machine.write(Event(self._machine.scheduler.time, "harness", "", "fault", fields).line())

    def _do_kill(self, kind: str, which: int, calls_: int) -> None:
        if process := self._target(kind, which):
            self._note_fault("kill", process)
            if calls_:
                process.doom = calls_
            else:
                process.signal(signal.SIGKILL)

    def _do_stop(self, kind: str, which: int, seconds: float) -> None:
        if process := self._target(kind, which):
            self._note_fault("stop", process, until=self._machine.scheduler.time + seconds)
            if kind == "supervisor":
                self._standstills.append(self._machine.scheduler.time + seconds)
            self._stop([process], seconds)

    def _stop(self, processes: list[Process], seconds: float) -> None:
        """Stops processes for so long; who is stopped twice goes on after the longer time."""
        for process in processes:
            self._stops[process.pid] = self._stops.get(process.pid, 0) + 1
            process.signal(signal.SIGSTOP)
        self._machine.scheduler.later(seconds, lambda: self._go_on(processes))

    def _go_on(self, processes: list[Process]) -> None:
        for process in processes:
            self._stops[process.pid] -= 1
            if not self._stops[process.pid]:
                process.signal(signal.SIGCONT)

    def _do_term(self, kind: str, which: int) -> None:
        if process := self._target(kind, which):
            self._note_fault("term", process)
            self._blows.append(self._machine.scheduler.time)
            process.signal(signal.SIGTERM)

    def _do_disk(self, error: str, share: float, seconds: float) -> None:
        self._note_fault("disk", error=error)
        self._disk = (getattr(errno, error), share)
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_disk", (0, 0.0)))

    def _do_clock(self, seconds: float) -> None:
        self._note_fault("clock", seconds=seconds)
        self._machine.clock_offset += seconds

    def _do_late(self, start_s: float, seconds: float) -> None:
        self._note_fault("late", start_s=start_s)
        self._late = start_s
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_late", 0.0))

    def _do_memory(self, megabytes: int, seconds: float) -> None:
        self._note_fault("memory", megabytes=megabytes)
        self._machine.memory_elsewhere = megabytes * MEGABYTE
        self._machine.stalls += 1
        for file in self._machine.stall_files:
            self._machine.scheduler.wake(file)
        self._machine.scheduler.later(seconds, self._give_memory_back)

    def _give_memory_back(self) -> None:
        self._machine.memory_elsewhere = 2_000 * MEGABYTE

    def _do_crash(self, share: float, seconds: float) -> None:
        self._note_fault("crash", share=share)
        self.crashing = share
        self._machine.scheduler.later(seconds, lambda: setattr(self, "crashing", 0.0))

    def _do_wire(self, delay: float, seconds: float) -> None:
        self._note_fault("wire", delay=delay)
        self._network.pace = lambda pid: delay * self._machine.random.random()
        self._machine.scheduler.later(seconds, self._hasten)

    def _hasten(self) -> None:
        self._network.pace = self._pace

    def _do_freeze(self, seconds: float) -> None:
        """Stops all processes that there are."""
        self._standstills.append(self._machine.scheduler.time + seconds)
        self._note_fault("freeze", until=self._machine.scheduler.time + seconds)
        self._stop([p for p in self._machine.processes.values() if p.living and p is not self._machine.init], seconds)

    def end(self) -> None:
        """Ends all faults."""
        self.over = True
        self._disk, self._late, self.crashing = (0, 0.0), 0.0, 0.0
        self._give_memory_back()
        self._hasten()
        for process in list(self._machine.processes.values()):
            process.doom = None
            if process.stopped and process.living:
                process.signal(signal.SIGCONT)

    def at_file(self, call: str, path: str, process: Process) -> int:
        number, share = self._disk
        if not number or process.kind == "person" or "/dev/null" in str(path) or self._machine.random.random() >= share:
            return 0
        if number != errno.EMFILE and str(path).startswith("/proc/"):
            return 0  # no disk is there
        return number if call in _FAILING[number] else 0

    def refuses(self, call: str, process: Process) -> bool:
        number, share = self._disk
        return call == "spawn" and number == errno.EMFILE and self._machine.random.random() < share

    def start_s(self, kind: str) -> float:
        if self._late and kind != "person":
            return self._late
        return 0.02 + 0.1 * self._machine.random.random()
