"""The faults of the simulated machine, as a script has them."""

from __future__ import annotations

import errno
import signal
from pathlib import Path
from typing import Any

from .card import Card
from .history import Event
from .machine import Machine
from .processes import MEGABYTE, Process
from .script import TAKEN
from .troubles import Troubles

_WRITING = ("open", "write", "fsync", "ftruncate", "mkdir", "rename", "replace", "symlink")
_FAILING = {  # calls, by error
    errno.EIO: (*_WRITING, "read", "fchmod", "close"),
    errno.ENOSPC: (*_WRITING, "close"),
    errno.EMFILE: ("open", "pipe", "dup"),
}
# Faults that last so long as they say last.
_LASTING = (
    "card",
    "crash",
    "disk",
    "freeze",
    "heavy",
    "hog",
    "late",
    "memory",
    "short",
    "spot",
    "starve",
    "stop",
    "wire",
)
# Files whose failure costs nobody anything, of which processes: they are for people, or for the next life.
_SPOTS = {
    "log": (("open", "write"), "/supervisor.log", ("supervisor",)),
    "lock": (("write", "ftruncate"), "/hushd/lock", ("supervisor",)),
    "state": ((*_WRITING, "close", "unlink"), "/.local/state/hushd", ("supervisor", "engine", "person")),
}
TIGHT = 3_500 * MEGABYTE  # with less, not all workers may have room that a supervisor expects to be of 400 MB each


class Storm(Troubles):
    """The faults of a simulation; the machine asks it what fails.

    Attributes:
        figures: of the faults that have one: the share of jobs in which an engine crashes, the seconds for which a
            supervisor stands still for the start of a process, those until a process runs, and the share of calls on
            files and sockets that take or give a part.
        card: the one that the machine may have.
        over: whether nothing goes wrong any more.
        taken: how often each point in product code was taken.
    """

    def __init__(self, machine: Machine, network: Any) -> None:
        super().__init__(machine)
        self._network = network
        self.card = Card(machine)
        self._pace = network.pace
        self._spot: tuple[int, str] = (0, "")  # the error of calls on one file, and its name in `_SPOTS`
        self._doomed: list[int] = []  # calls after which supervisors that are about to start are killed
        self._disk: tuple[int, float] = (0, 0.0)  # the error of calls on files, and the share of them that fail
        self._stops: dict[int, int] = {}  # how often a process was stopped, by its pid
        self.folder = Path()
        self.figures = dict.fromkeys(("crash", "heavy", "late", "short"), 0.0)
        self._starts: list[tuple[float, float]] = []  # when a supervisor began to start each process, and its seconds
        self._memory_until = 0.0  # until when other programs have what they took
        self.over = False
        self.taken: dict[str, int] = {}

    def buggify(self, point: str) -> bool:
        """Returns whether product code takes the rare way at a point."""
        if self.over or point not in self.points or self._machine.random.random() >= TAKEN:
            return False
        self.taken[point] = self.taken.get(point, 0) + 1
        return True

    def strike(self, kind: str, how: list[Any]) -> None:
        """Has a fault happen, unless the storm is over."""
        if not self.over:
            lasts = how[-1] if kind in _LASTING else 0.0
            self._troubles.append((self._machine.scheduler.time, self._machine.scheduler.time + lasts))
            self._struck.append((kind, self._machine.scheduler.time + lasts))
            if kind in self.figures:
                self._note_fault(kind, figure=how[0])
                self.figures[kind] = how[0]
                self._machine.scheduler.later(lasts, lambda: self.figures.update({kind: 0.0}))
            else:
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
            self.felled.add(process.pid)
            if calls_:
                process.doom = calls_
            else:
                process.signal(signal.SIGKILL)

    def _do_stop(self, kind: str, which: int, seconds: float) -> None:
        if process := self._target(kind, which):
            self._note_fault("stop", process, until=self._machine.scheduler.time + seconds)
            self._struck.append((f"stop {kind}", self._machine.scheduler.time + seconds))
            self._stand_still(seconds, self._stood.setdefault(process.pid, []), 0.0)
            if kind == "supervisor":
                self._stand_still(seconds, self._standstills)
                self._stand_still(seconds, self._absences)
            self._stop([process], seconds)

    def _stop(self, processes: list[Process], seconds: float, alone: bool = True) -> None:
        """Stops processes for so long; who is stopped twice goes on after the longer time."""
        for process in processes:
            if alone:
                self.held.add(process.pid)  # else its supervisor stood still too, and may blame nobody
            self._stops[process.pid] = self._stops.get(process.pid, 0) + 1
            process.signal(signal.SIGSTOP)
        self._machine.scheduler.later(seconds, lambda: self._go_on(processes))

    def _go_on(self, processes: list[Process]) -> None:
        for process in processes:
            self._stops[process.pid] -= 1
            if not self._stops[process.pid]:
                process.starved = False
                process.signal(signal.SIGCONT)

    def _do_term(self, kind: str, which: int) -> None:
        if process := self._target(kind, which):
            self._note_fault("term", process)
            self._blows.append(self._machine.scheduler.time)
            process.signal(signal.SIGTERM)

    def told_to(self, what: str) -> None:
        """Notes that a client ends the supervisor, all workers (`unload`), or others' jobs too (`force`)."""
        if what != "unload":
            self._blows.append(self._machine.scheduler.time)
        self._struck.append((what, self._machine.scheduler.time))

    def _do_signal(self, kind: str, which: int, number: int, calls: int) -> None:
        """Sends a signal that is handled: to who waits or computes now, or so many calls later in the middle of one."""
        process = self._target(kind, which)
        handler = process.handlers.get(number) if process else None
        if process and callable(handler) and handler is not signal.default_int_handler:
            self._note_fault("signal", process, number=number)
            if calls:
                process.alarm = (calls, number)
            else:
                process.signal(number)

    def _do_disk(self, error: str, share: float, seconds: float) -> None:
        self._note_fault("disk", error=error)
        if error == "ENOENT":
            self._hide(seconds)
            return
        self._disk = (getattr(errno, error), share)
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_disk", (0, 0.0)))

    def _hide(self, seconds: float) -> None:
        """Takes the folder of outputs away, and brings it back; and has none for temporary files meanwhile."""
        if not self.hidden.exists():
            (self.folder / "out").rename(self.hidden)
        self._machine.scheduler.later(seconds, self._bring_back)

    @property
    def hidden(self) -> Path:
        return self.folder / "hidden"

    def _bring_back(self) -> None:
        if self.hidden.exists():
            self.hidden.rename(self.folder / "out")

    def _do_spot(self, name: str, error: str, seconds: float) -> None:
        """Has one file fail, or a folder of some, that nobody's request needs."""
        self._note_fault("spot", name=name)
        self._spot = (getattr(errno, error), name)
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_spot", (0, "")))

    def _do_newborn(self, calls: int) -> None:
        """Has the next supervisor be killed while it starts."""
        self._doomed.append(calls)

    def _do_card(self, slow_s: float, megabytes: int, seconds: float) -> None:
        """Has the card's driver answer late, and other programs take memory there."""
        self._note_fault("card", slow_s=slow_s, megabytes=megabytes)
        card = self.card
        card.slow_s, card.elsewhere = slow_s, min(megabytes * MEGABYTE, card.free)
        self._machine.scheduler.later(seconds, self._mend_card)

    def _mend_card(self) -> None:
        self.card.slow_s, self.card.elsewhere = 0.0, 0

    def _do_clock(self, seconds: float) -> None:
        self._note_fault("clock", seconds=seconds)
        self._machine.clock_offset += seconds

    def _do_memory(self, megabytes: int, seconds: float) -> None:
        """Has other programs take memory."""
        self._note_fault("memory", megabytes=megabytes)
        self._machine.memory_elsewhere = megabytes * MEGABYTE
        if self._machine.memory_available < TIGHT:
            self._struck.append(("tight", self._machine.scheduler.time + seconds))
        self._memory_until = max(self._memory_until, self._machine.scheduler.time + seconds)
        self._machine.scheduler.later(seconds, self._give_memory_back)

    def _do_hog(self, seconds: float) -> None:
        """Has another program take nearly all memory, for longer than it takes to notice that, and keep a part of it,
        beside which a worker that has never run is not small."""
        self._do_memory(7_800, seconds)
        self._machine.scheduler.later(seconds, lambda: self.over or self._do_memory(4_400, 15.0))

    def _give_memory_back(self) -> None:
        if self.over or self._machine.scheduler.time >= self._memory_until:
            self._machine.memory_elsewhere = 2_000 * MEGABYTE

    def _do_wire(self, delay: float, seconds: float) -> None:
        self._note_fault("wire", delay=delay)
        self._slow.append((delay, self._machine.scheduler.time + seconds))
        self._network.pace = lambda pid: delay * self._machine.random.random()
        self._machine.scheduler.later(seconds, self._hasten)

    def _hasten(self) -> None:
        self._network.pace = self._pace

    def _do_starve(self, kind: str, which: int, seconds: float) -> None:
        """Lets a process wait for its turn, beside programs that take the whole processor."""
        if process := self._target(kind, which):
            self._note_fault("starve", process, until=self._machine.scheduler.time + seconds)
            process.starved = True
            waits = self._absences if kind == "supervisor" else self._starved.setdefault(process.pid, [])
            self._stand_still(seconds, waits)
            self._stop([process], seconds)

    def _do_freeze(self, seconds: float) -> None:
        """Stops all processes that there are."""
        self._stand_still(seconds, self._standstills)
        self._stand_still(seconds, self._absences)
        self._note_fault("freeze", until=self._machine.scheduler.time + seconds)
        init = self._machine.init
        everybody = [each for each in self._machine.processes.values() if each.living and each is not init]
        self._stop(everybody, seconds, alone=False)

    def end(self) -> None:
        """Ends all faults."""
        self.over = True
        self._machine.hasten()
        self.figures = dict.fromkeys(self.figures, 0.0)
        self._disk, self._spot = (0, 0.0), (0, "")
        self._doomed.clear()
        self._give_memory_back()
        self._mend_card()
        self._hasten()
        self._bring_back()
        for process in list(self._machine.processes.values()):
            process.doom = process.alarm = None
            if process.stopped and process.living:
                process.signal(signal.SIGCONT)

    def at_file(self, call: str, path: str, process: Process) -> int:
        number, name = self._spot
        if number:
            calls, part, kinds = _SPOTS[name]
            if process.kind in kinds and call in calls and part in str(path):
                return number
        number, share = self._disk
        if call == "open" and Path(path).parent == self.folder / "tmp" and self.hidden.exists():
            return errno.ENOENT
        if (
            not number
            or process.kind == "auditor"
            or "/dev/null" in str(path)
            or self._machine.random.random() >= share
        ):
            return 0
        if number != errno.EMFILE and (str(path).startswith("/proc/") or (call != "open" and Path(path).is_fifo())):
            return 0  # no disk is there
        return number if call in _FAILING[number] else 0

    def shortened(self, size: int, process: Process) -> int:
        random = self._machine.random
        if (
            size < 2
            or not self.figures["short"]
            or process.kind == "auditor"
            or random.random() >= self.figures["short"]
        ):
            return size
        return random.choice([1, random.randrange(1, size)])

    def refuses(self, call: str, process: Process) -> bool:
        number, share = self._disk
        return call == "spawn" and number == errno.EMFILE and self._machine.random.random() < share

    def spawn_s(self, process: Process) -> float:
        """The seconds for which a process stands still that starts another."""
        seconds = self.figures["heavy"] if process.kind == "supervisor" else 0.0
        self._starts.append((self._machine.scheduler.time, seconds))
        return seconds

    def starting_s(self, since: float) -> float:
        """The seconds for which supervisors have stood still for starts from then on."""
        return sum(seconds for at, seconds in self._starts if at + seconds > since)

    def born(self, process: Process) -> None:
        """Dooms a supervisor that starts, where that was meant; it is awake beside those who stand still."""
        if process.kind != "supervisor":
            return
        now = self._machine.scheduler.time
        until = max((end for begin, end in self._standstills if begin <= now < end), default=now)
        for person in self._machine.living("person"):
            if person.stopped:
                self._note_fault("stop", person, until=until)
                self._stand_still(until - now, self._stood.setdefault(person.pid, []), 0.0)
        if self._doomed:
            self._note_fault("kill", process)
            self.felled.add(process.pid)
            process.doom = self._doomed.pop()

    def start_s(self, kind: str) -> float:
        if self.figures["late"] and kind != "person":
            return self.figures["late"]
        return 0.02 + 0.1 * self._machine.random.random()
