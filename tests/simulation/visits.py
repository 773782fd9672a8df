"""Programs that come by the door: where they find it, and what they may be told when."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .channels import Stream
from .processes import Process

if TYPE_CHECKING:
    from .world import World

POLLS = ("health", "polls", "metrics", "info")  # acts that need no worker
HTTP, WYOMING = ("127.0.0.1", 8000), ("127.0.0.1", 10300)
OPEN_S = 15.0  # after its start, in which a supervisor must listen
TOLD_S = 70.0  # after the end of a gateway, in which none may be started for another: `door.BACKOFF_S`
SOUND_S = 10.5  # of life, after which another one is started at once
_FIRST = 3  # descriptor of a service manager's


class Visit:
    """One connection of a program, or several at once."""

    def __init__(self, name: str, act: str, whole: bool, begin: float) -> None:
        self.name, self.act, self.whole, self.begin = name, act, whole, begin
        self.end = 0.0
        self.lost = ""  # why it has no answer, or which error it is
        self.refused = self.over = False

    def __str__(self) -> str:
        return f"{self.name}'s {self.act} of {self.begin:.3f} to {self.end:.3f} s"


class Visits:
    """The door's programs: all that they ask of the simulation, and that it knows of them.

    Attributes:
        manager: whether a service manager listens, and not the supervisor.
    """

    def __init__(self, world: World) -> None:
        self._world, self._machine = world, world.machine
        self.manager = False
        self.places: dict[str, Any] = {}
        self.all: list[Visit] = []
        self.counts: dict[str, int] = {}
        self._of: dict[Process, Visit] = {}
        self._told: list[tuple[float, int]] = []  # when which supervisor was told to leave
        self._hurt: list[tuple[float, float]] = []  # when workers or their starts may have failed

    @property
    def seed(self) -> int:
        return self._world.seed

    @property
    def calm(self) -> bool:
        return self._world.calm

    def furnish(self, dice: random.Random, manager: bool) -> str:
        """Chooses the addresses; returns the configuration's tables of them."""
        self.manager = manager
        path = str(self._world.folder / "home" / "door.sock")
        self.places = {"http": dice.choice([HTTP, HTTP, path]), "wyoming": WYOMING}
        if manager:
            self._machine.watched = []  # only a service manager takes a supervisor's socket away
            return ""
        http = self.places["http"]
        listen = f"unix://{http}" if isinstance(http, str) else f"{http[0]}:{http[1]}"
        return f'[http]\nlisten = ["{listen}"]\n[wyoming]\nlisten = ["tcp://{WYOMING[0]}:{WYOMING[1]}"]\n'

    def activate(self, sockets: Mapping[str, int]) -> None:
        """Starts a supervisor as systemd does, and waits for its end; called by the manager."""
        machine, own = self._machine, self._machine.current
        assert own
        table = self._world.standard()
        for number, descriptor in enumerate(sockets.values()):
            table[_FIRST + number] = own.look_up(descriptor)
        words = {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(sockets)}
        process = machine.start(["hushd_supervisor"], own.environment | words, table, own, group=0)
        process.environment["LISTEN_PID"] = str(process.pid)
        machine.scheduler.wait(lambda: not process.living, None, (own,))
        machine.reap(process)

    # --- what the programs tell --------------------------------------------------------------------------------------

    @contextmanager
    def visit(self, name: str, act: str, whole: bool) -> Iterator[None]:
        """Judges what happens inside."""
        visitor = sys.modules["simulation.programs.visitor"]
        machine = self._machine
        assert machine.current
        visit = self._of[machine.current] = Visit(name, act, whole, machine.scheduler.time)
        self.all.append(visit)
        try:
            yield
        except visitor.Lost as error:
            visit.lost, visit.refused = str(error), str(error).startswith("refused")
        except visitor.Silent:
            visit.end = machine.scheduler.time
            self._world.violation(f"{visit} was forgotten: no answer, no end")
        except visitor.Wrong as error:
            visit.end = machine.scheduler.time
            self._world.violation(f"{visit} got {error}")
        except Exception as error:
            self._world.violation(f"{visit} ended with {type(error).__name__}: {error}", error)
        visit.end, visit.over = machine.scheduler.time, True
        machine.note("visit", visit=str(visit), lost=visit.lost)
        key = f"{act}: {visit.lost.partition(',')[0] or 'ok'}"
        self.counts[key] = self.counts.get(key, 0) + 1

    def denied(self, status: int, retry_after: str, message: str) -> None:
        """A request of the current visit got an error of HTTP."""
        assert self._machine.current
        visit = self._of[self._machine.current]
        visit.lost = f"{status}, {message}"
        if status not in (422, 429, 502, 503, 504, 507):
            self._world.violation(f"{visit} got {status}: {message}")
        if status in (429, 503) and not retry_after:
            self._world.violation(f"{visit} got {status} and not when to come again: {message}")

    def slept(self, since: float) -> float:
        """The seconds since then in which hushd stood still, which are not its own."""
        return self._world.storm.slept(since)

    def restarting(self) -> None:
        """Somebody tells the supervisor to leave for the next one: what still starts is killed."""
        self._world.storm.told_to("restart")

    def told(self, supervisors: list[Process]) -> None:
        self._told += [(self._machine.scheduler.time, process.pid) for process in supervisors]

    def hurt(self, seconds: float) -> None:
        """Notes that workers may lack something from now on for so long."""
        now = self._machine.scheduler.time
        self._hurt.append((now, now + seconds))

    # --- what must hold ----------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Has each connection without an answer excused, once the storm is over."""
        for visit in self.all:
            if visit.lost and visit.whole and visit.over and not self._excuse(visit):
                self._world.violation(f"{visit} was lost without need: {visit.lost}")

    def _excuse(self, visit: Visit) -> str:
        machine = self._machine
        if visit.refused:
            lived = [process for process in self._supervisors() if self._open_for(process, visit.begin) > OPEN_S]
            steady = any(p.living or p.ended > visit.end for p in lived if not self._leaves(p, visit))
            return "" if self.manager or steady else "nobody listened"
        for process in machine.processes.values():
            over = not process.living and visit.begin <= process.ended <= visit.end + 1.0
            if process.kind == "supervisor" and (over or self._leaves(process, visit)):
                return "its supervisor left"
            if process.kind != "gateway" or process.status in (0, None):
                continue
            lived = process.ended - process.born - self._world.storm.slept(process.born, process.ended)
            failed = lived < SOUND_S and visit.begin - TOLD_S <= process.ended <= visit.end
            if over or failed:
                return "its gateway died, or none was started for a while"
        if any(other.act == "crowd" and _overlap(visit, other.begin, other.end) for other in self.all):
            return "a crowd came"
        if visit.act in POLLS or (visit.lost.startswith(("closed", "reset")) and visit.act in ("ping", "realtime")):
            return ""
        if any(_overlap(visit, begin, end) for begin, end in self._hurt):
            return "workers lacked something"
        for process in machine.processes.values():
            if process.kind == "engine" and process.status and visit.begin - TOLD_S <= process.ended <= visit.end:
                return "a worker died"
        return ""

    def _supervisors(self) -> list[Process]:
        return [process for process in self._machine.processes.values() if process.kind == "supervisor"]

    def _open_for(self, process: Process, until: float) -> float:
        """Returns the seconds for which a supervisor could listen by then: since its start, and since the end of each
        one before it that was told to leave, less those in which it stood still."""
        told = {pid for _, pid in self._told}
        before = [other for other in self._supervisors() if other.pid in told and other.born < process.born]
        since = max([process.born, *(until if other.living else other.ended for other in before)])
        return until - since - self._world.storm.slept(since, until)

    def _leaves(self, process: Process, visit: Visit) -> bool:
        """Returns whether a supervisor was told to leave before the visit's end, and had not gone at its beginning."""
        told = [at for at, pid in self._told if pid == process.pid and at <= visit.end]
        return bool(told) and (process.living or process.ended >= visit.begin)

    def audit(self) -> None:
        """Checks that nothing is left of them, once they and the gateway have gone."""
        for gateway in self._machine.living("gateway"):
            self._world.violation(f"{gateway} is still there without a connection")
        for supervisor in self._machine.living("supervisor"):
            ends = [end for end in supervisor.table.values() if isinstance(end, Stream) and not end.listens]
            if ends:
                self._world.violation(f"{supervisor} has {len(ends)} connections open of programs that have gone")

    def end(self) -> None:
        """Ends what would stay for ever: the manager, and a supervisor that listens by itself."""
        for manager in self._machine.living("manager"):
            manager.signal(signal.SIGKILL)
        if not self.manager:
            for supervisor in self._machine.living("supervisor"):
                supervisor.signal(signal.SIGTERM)


def _overlap(visit: Visit, begin: float, end: float) -> bool:
    return visit.begin <= (end or visit.end) + 1.0 and begin <= visit.end
