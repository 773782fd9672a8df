"""The faults of the simulated machine, as a script has them."""

from __future__ import annotations

import errno
import signal
from collections.abc import Collection
from pathlib import Path
from typing import Any

from history.events import Event

from .card import Card
from .machine import Machine
from .points import TAKEN
from .processes import MEGABYTE, Process

_WRITING = ("open", "write", "fsync", "ftruncate", "mkdir", "rename", "replace", "symlink")
_FAILING = {  # calls, by error
    errno.EIO: (*_WRITING, "read", "fchmod", "close"),
    errno.ENOSPC: (*_WRITING, "close"),
    errno.EMFILE: ("open", "pipe", "dup", "accept", "receive"),
}
# Faults that last so long as they say last.
_LASTING = ("card", "crash", "disk", "freeze", "heavy", "late", "memory", "short", "spot", "starve", "stop", "wire")
# Files whose failure costs nobody anything, of which processes: they are for people, or for the next life.
_SPOTS = {
    "log": (("open", "write"), "/supervisor.log", ("supervisor",)),
    "lock": (("write", "ftruncate"), "/hushd/lock", ("supervisor",)),
    "state": ((*_WRITING, "close", "unlink"), "/.local/state/hushd", ("supervisor", "engine", "person")),
}
STILL_S = 5.0  # for which a supervisor must answer nobody until a client gives it up, `hushd.transport.link.FIND_S`
LEAVE_S = 75.0  # for one that finishes its jobs first to leave: `drain_timeout` and `lock.AFTER_JOBS_S`
BREATH_S = 1.0  # between two standstills that count as one
SHORT = 500 * MEGABYTE  # available: with less, memory is short
TIGHT = 3_500 * MEGABYTE  # with less, not all workers may have room that a supervisor expects to be of 400 MB each


class Storm:
    """The faults of a simulation; the machine asks it what fails.

    Attributes:
        crashing: the share of jobs in which an engine ends its process.
        card: the one that the machine may have.
        over: whether nothing goes wrong any more.
        points: in product code that are open.
        taken: how often each of them was taken.
        felled, held: the processes that it has killed or meant to, and those that it has stopped for a while.
    """

    def __init__(self, machine: Machine, network: Any) -> None:
        self._machine, self._network = machine, network
        self.card = Card(machine)
        self.felled: set[int] = set()
        self.held: set[int] = set()
        self._pace = network.pace
        self._spot: tuple[int, str] = (0, "")  # the error of calls on one file, and its name in `_SPOTS`
        self._doomed: list[int] = []  # calls after which supervisors that are about to start are killed
        self._spawn_s = 0.0  # that a supervisor stands still for the start of a process
        self._disk: tuple[int, float] = (0, 0.0)  # the error of calls on files, and the share of them that fail
        self._stops: dict[int, int] = {}  # how often a process was stopped, by its pid
        self._late = 0.0  # seconds until a process runs
        self._blows: list[float] = []  # when a supervisor was ended, or told to leave
        self._standstills: list[tuple[float, float]] = []  # of supervisors: when each began and ends
        self._absences: list[tuple[float, float]] = []  # likewise, with those that look busy
        self._stood: dict[int, list[tuple[float, float]]] = {}  # likewise of each process that was stopped alone
        self._starved: dict[int, list[tuple[float, float]]] = {}  # likewise of each client that waited for its turn
        self.folder = Path()
        self._slow: list[tuple[float, float]] = []  # of libzmq's threads: a turn's delay at most, and until when
        self._struck: list[tuple[str, float]] = []  # the kind of each fault so far, and its end
        self._troubles: list[tuple[float, float]] = []  # the beginning of each, and its end
        self.crashing = 0.0
        self._short = 0.0  # the share of calls on files and sockets that take or give a part
        self.over = False
        self.points: frozenset[str] = frozenset()
        self.taken: dict[str, int] = {}

    def excuses(self, since: float, most: int) -> bool:
        """Returns whether a request that began at `since` may have been lost: so many supervisors ended over it, or
        one stood still until its clients gave it up."""
        ended = [p.ended for p in self._machine.processes.values() if p.kind == "supervisor" and not p.living]
        blows = sum(moment >= since for moment in (*self._blows, *ended))
        return blows >= most or any(end >= since and end - begin >= STILL_S for begin, end in self._standstills)

    def awake_until(self, moment: float) -> float:
        """Returns the time at which the standstill of supervisors began in which a moment is, or which had just ended
        then; the moment itself where there is none."""
        absences = (begin for begin, end in self._absences if begin <= moment <= end + BREATH_S)
        return min(absences, default=moment)

    def slept(self, since: float, until: float | None = None) -> float:
        """Returns the seconds of that time, else until now, in which supervisors stood still, or looked busy."""
        until = self._machine.scheduler.time if until is None else until
        return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in self._absences)

    def stood_still(self, process: Process, since: float) -> float:
        """Returns the length of the longest standstill of a process alone that had not ended at `since`, so far."""
        return self._longest(self._stood.get(process.pid, []), since)

    @property
    def slowness(self) -> float:
        """The seconds by which a turn of libzmq's threads is late now, at most."""
        now = self._machine.scheduler.time
        return max((delay for delay, end in self._slow if end + delay >= now), default=0.0)

    def held_for(self, since: float) -> float:
        """Returns the length of the longest standstill of one process alone, whichever, likewise."""
        return max((self._longest(standstills, since) for standstills in self._stood.values()), default=0.0)

    def starved_for(self, since: float) -> float:
        """Returns the length of the longest time for which one client, whichever, waited for its turn, likewise."""
        return max((self._longest(waits, since) for waits in self._starved.values()), default=0.0)

    def _longest(self, standstills: list[tuple[float, float]], since: float) -> float:
        now = self._machine.scheduler.time
        return max((min(end, now) - begin for begin, end in standstills if end >= since), default=0.0)

    def _stand_still(self, seconds: float, standstills: list[tuple[float, float]], breath_s: float = BREATH_S) -> None:
        """Notes a standstill, with an earlier one from which nobody had gone on for longer than a breath as one."""
        begin = self._machine.scheduler.time
        end = begin + seconds
        for other in list(standstills):
            if begin <= other[1] + breath_s:
                begin, end = min(begin, other[0]), max(end, other[1])
                standstills.remove(other)
        standstills.append((begin, end))

    def struck(self, kinds: Collection[str], since: float) -> bool:
        """Returns whether a fault of `kinds` was there at `since` or later."""
        return any(kind in kinds and end >= since for kind, end in self._struck)

    def scarce(self, since: float) -> bool:
        """Returns whether a program has seen since then that memory is scarce."""
        return self._machine.scarce_at >= since

    def troubled(self, since: float, until: float) -> bool:
        """Returns whether anything went wrong in that time, or anybody ended."""
        ended = any(since <= process.ended <= until for process in self._machine.processes.values() if process.ended)
        return ended or any(begin <= until and end >= since for begin, end in self._troubles)

    def deaths(self, kind: str, since: float) -> int:
        """The processes of a kind that have ended since then by a signal or with an error."""
        return sum(p.kind == kind and bool(p.status) and p.ended >= since for p in self._machine.processes.values())

    def left(self, since: float) -> bool:
        """Returns whether a supervisor has ended since then that was told so before, or leaves whenever it is idle."""
        processes = self._machine.processes.values()
        told = any(since - LEAVE_S <= moment < since for moment in self._blows)
        leaves = told or "idle supervisor leaves" in self.points
        return leaves and any(p.kind == "supervisor" and p.status == 0 and p.ended >= since for p in processes)

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

    def _do_short(self, share: float, seconds: float) -> None:
        self._note_fault("short", share=share)
        self._short = share
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_short", 0.0))

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

    def _do_heavy(self, spawn_s: float, seconds: float) -> None:
        """Has each start of a process keep its supervisor from all else, as a machine does that is short of memory."""
        self._note_fault("heavy", spawn_s=spawn_s)
        self._spawn_s = spawn_s
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_spawn_s", 0.0))

    def _do_card(self, slow_s: float, megabytes: int, refuses: bool, seconds: float) -> None:
        """Has the card's driver answer late, and perhaps suspend nobody, and other programs take memory there."""
        self._note_fault("card", slow_s=slow_s, megabytes=megabytes, refuses=refuses)
        card = self.card
        card.slow_s, card.elsewhere, card.refuses = slow_s, min(megabytes * MEGABYTE, card.free), refuses
        self._machine.scheduler.later(seconds, self._mend_card)

    def _mend_card(self) -> None:
        self.card.slow_s, self.card.elsewhere, self.card.refuses = 0.0, 0, False

    def _do_flutter(self, times: int, seconds: float, gap: float) -> None:
        """Has the machine sleep again and again, and wake up for a moment in between."""
        for number in range(times):
            self._machine.scheduler.later(number * (seconds + gap), lambda: self.strike("freeze", [seconds]))

    def _do_clock(self, seconds: float) -> None:
        self._note_fault("clock", seconds=seconds)
        self._machine.clock_offset += seconds

    def _do_late(self, start_s: float, seconds: float) -> None:
        self._note_fault("late", start_s=start_s)
        self._late = start_s
        self._machine.scheduler.later(seconds, lambda: setattr(self, "_late", 0.0))

    def _do_memory(self, megabytes: int, thrash: bool, seconds: float) -> None:
        """Has other programs take memory, and with `thrash` read more files than the cache holds."""
        self._note_fault("memory", megabytes=megabytes)
        self._machine.memory_elsewhere = megabytes * MEGABYTE
        if self._machine.memory_available < TIGHT:
            self._struck.append(("tight", self._machine.scheduler.time + seconds))
        self._stall(thrash, self._machine.scheduler.time + seconds)
        self._machine.scheduler.later(seconds, self._give_memory_back)

    def _stall(self, thrash: bool, until: float) -> None:
        """Reports a stall, a true one and again and again where programs wait for memory."""
        self._machine.alarms += 1
        if self._machine.memory_available < SHORT or (thrash and self._machine.scheduler.time < until):
            self._machine.stalls += 1
            self._machine.scheduler.later(1.0, lambda: self._stall(thrash, until))
        for file in self._machine.stall_files:
            self._machine.scheduler.wake(file)

    def _give_memory_back(self) -> None:
        self._machine.memory_elsewhere = 2_000 * MEGABYTE

    def _do_crash(self, share: float, seconds: float) -> None:
        self._note_fault("crash", share=share)
        self.crashing = share
        self._machine.scheduler.later(seconds, lambda: setattr(self, "crashing", 0.0))

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
        self._disk, self._late, self.crashing, self._short = (0, 0.0), 0.0, 0.0, 0.0
        self._spot, self._spawn_s = (0, ""), 0.0
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
        if number != errno.EMFILE and str(path).startswith("/proc/"):
            return 0  # no disk is there
        return number if call in _FAILING[number] else 0

    def shortened(self, size: int, process: Process) -> int:
        random = self._machine.random
        if size < 2 or not self._short or process.kind == "auditor" or random.random() >= self._short:
            return size
        return random.choice([1, random.randrange(1, size)])

    def refuses(self, call: str, process: Process) -> bool:
        number, share = self._disk
        return call == "spawn" and number == errno.EMFILE and self._machine.random.random() < share

    def spawn_s(self, process: Process) -> float:
        """The seconds for which a process stands still that starts another."""
        return self._spawn_s if process.kind == "supervisor" else 0.0

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
        if self._late and kind != "person":
            return self._late
        return 0.02 + 0.1 * self._machine.random.random()
