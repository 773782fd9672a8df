"""A whole house in one thread: real supervisors, workers and clients on a simulated machine, and what must hold there.

A process makes one `World`, before it has imported anything of the product, and plays one script in it; for another
one it forks. So nothing of a simulation is left in the next.
"""

from __future__ import annotations

import importlib
import os
import random
import select
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import zmq

from . import blame, calls, floor, importer, loops, places, sessions, threads
from .audit import SETTLE_S, Audit
from .card import Card
from .descriptors import Description, File
from .ends import BLAMELESS, complaint, delay
from .history import Event, Recorder
from .machine import Machine
from .processes import MEGABYTE, Process
from .promptness import Promptness
from .saved import Saved
from .scheduler import Scheduler
from .script import Outcome, Script
from .storm import Storm
from .wire.network import Network

# The variables of modules that belong to a process.
PRIVATE: list[tuple[str, str, Callable[[], Any]]] = [
    ("hushd_protocol.system.atomic_file", "_swept", set),
    *loops.PRIVATE,
]
PRODUCT = (
    "hushd_supervisor.__main__", "hushd_supervisor.assembly", "hushd_supervisor.system.sockets.lock",
    "hushd_worker.harness", "hushd_worker.usage", "hushd.client", "hushd.transport.autostart",
    "hushd_protocol.system.lifeline", "hushd.synthesis.speech",
    "hushd_schema.operations.synthesize", "hushd.transcripts.transcript", "hushd_schema.operations.transcribe",
    "hushd.floor", "hushd_schema.status",
    "hushd_schema.status", "simulation.programs.engine", "simulation.programs.person",
    "simulation.programs.async_person", "simulation.programs.auditor", "simulation.programs.card",
    "hushd.aio.client",
    "hushd.audio.audio_source", "hushd_models.catalogue", "hushd_schema.engines", "hushd_schema.entry_points",
    "hushd_schema.settings.reader", "hushd_schema.results", "hushd_schema.toml",
    "encodings.ascii",
)  # fmt: skip
# What has a bound on its memory, as the last of its arguments.
BOUNDED = (
    ("hushd.transport.spool", "Spool"), ("hushd.transport.source", "Stream"),
    ("hushd.aio.call", "AsyncStream"),
)  # fmt: skip
CALM_S = 10.0  # after the last fault in which each client has the end of what it asked for
LEAVE_S = 10.0  # after that, in which clients that slept for 5 s wake up and leave
LEFT_S = 0.1  # from the end of a supervisor's connections to its own
BUG = 70  # the exit status of a supervisor that has failed, sysexits' EX_SOFTWARE
FULL_S = 60.0  # before a worker finds a card full, in which a fault may have made the last look at it wrong
IDLE_S = 1200.0  # in which workers and supervisor must have left: 5 minutes and 10 after the last lease


class Load(NamedTuple):
    """The load of a model."""

    steps: int
    seconds: float
    memory: int


class World:
    """The machine, the product in it, and the harness around both."""

    def __init__(self) -> None:
        self.folder = Path()
        self.scheduler = Scheduler(0)
        self.machine = Machine(self.scheduler)
        self.network = Network(self.machine)
        stand_ins = self.stand_ins
        stand_ins |= {
            **calls.modules(self.machine),
            "zmq": self._zmq(),
            **threads.modules(self.scheduler),
        }
        self.machine.modules = stand_ins
        importer.install(stand_ins)
        self.storm = self.machine.faults = Storm(self.machine, self.network)
        importlib.import_module("hushd_protocol").buggify = self.storm.buggify  # type: ignore[attr-defined]
        loops.load(self.machine)
        for name in PRODUCT:
            importlib.import_module(name)
        self.machine.modules = _Modules(stand_ins)
        self.machine.globals = PRIVATE
        self.machine.on_death.append(self.network.died)
        self.machine.on_write = self._wrote
        self.machine.on_stop, self.machine.on_go_on = self.network.freeze, self.network.thaw
        self._register()
        self.promptness, self.audit, self.saved = Promptness(self), Audit(self), Saved(self)
        self.machine.on_look = self.promptness.looked
        self.machine.on_death.append(lambda pid: self.promptness.looked(self.machine.processes[pid]))
        self.seed, self.script = 0, Script(0)
        self.violations: list[str] = []
        self._begin = self.scheduler.time
        self._judged = 0  # of the kernel's events
        self.open_requests: dict[str, tuple[Process, str]] = {}
        self.counts: dict[str, int] = {}  # of the ends of requests, by their codes
        self.begun_at: dict[str, float] = {}  # when each open request began,
        self.clients: dict[str, Any] = {}  # and by whom;
        self.connected: set[str] = set()  # of clients that had a connection
        self.folders: list[str] = []  # of the sessions that there are
        self.dice = random.Random(0)

    @property
    def calm(self) -> bool:
        """True once nothing goes wrong any more, and clients come to their end."""
        return self.storm.over

    @property
    def stand_ins(self) -> dict[str, ModuleType]:
        return self.__dict__.setdefault("_stand_ins", {})

    def _zmq(self) -> ModuleType:
        """The stand-in for zmq, whose sockets take simulated descriptors to listen at."""
        machine, network = self.machine, self.network

        class Socket(network.socket_class):  # type: ignore[misc, name-defined]
            def setsockopt(self, option: int, value: Any) -> None:
                super().setsockopt(option, machine.hand_over(value) if option == zmq.USE_FD else value)

        network.socket_class = Socket
        module: ModuleType = network.module()
        return module

    def _register(self) -> None:
        modules = sys.modules
        engine, person, auditor = (modules[f"simulation.programs.{name}"] for name in ("engine", "person", "auditor"))
        for name in ("engine", "life", "auditor", "card"):
            modules[f"simulation.programs.{name}"].world = self  # type: ignore[attr-defined]
        self.machine.programs |= {
            "hushd_supervisor": lambda arguments: modules["hushd_supervisor.__main__"].main(arguments),
            "simulation.programs.engine": engine.main,
            "simulation.programs.person": person.main,
            "simulation.programs.async_person": modules["simulation.programs.async_person"].main,
            "simulation.programs.auditor": auditor.main,
            "hushd_worker.card": modules["simulation.programs.card"].look,
        }

    # --- a simulation ------------------------------------------------------------------------------------------------

    def play(self, script: Script, folder: Path) -> Outcome:
        """Plays a script to its end, in an empty folder of a short name, on tmpfs if there is one."""
        self.seed, self.folder, self.script = script.seed, folder, script
        self.storm.folder = folder
        self.storm.points = frozenset(script.points)
        sys.unraisablehook = self._ignored
        self.scheduler.random.seed(f"world {script.seed}")
        self.network.epoll = select.epoll()
        self.dice.seed(f"dice {script.seed}")
        self._furnish()
        self.folders = [sessions.SESSION, sessions.NONE, *[sessions.APART] * bool(script.apart)]
        for number, acts in enumerate(script.clients):
            moment = self.dice.random()
            if acts:
                self.scheduler.later(moment, self._client(number, script))
        self._begin = self.scheduler.time
        for at, kind, *how in script.faults:
            self.scheduler.later(at, partial(self.storm.strike, kind, how))
        self.until(lambda: False, script.seconds)
        settled = self._calm_down()
        self.audit.check()
        self.until(lambda: not self._services(), IDLE_S)
        for process in self._services():
            self.violation(f"{process} is still there {IDLE_S:.0f} s after the last request")
        events = sorted(map(Event.of, self.machine.lines), key=lambda event: event.at)
        self.promptness.check_floor(events)
        for sentence in floor.shared(events):
            self.violation(sentence)
        if wrong := sessions.wrong_pointer(self.machine, self.folder / "home", self._begin + script.seconds):
            self.violation(wrong)
        seconds = self.scheduler.time - self._begin
        return Outcome(self.machine.digest, self.violations, seconds, self.counts, round(settled, 3), self.storm.taken)

    def _calm_down(self) -> float:
        """Ends all faults; returns the seconds after which every client had its answers."""
        self.storm.end()
        end = self.scheduler.time
        self._write(Event(end, "harness", "", "calm").line())
        self.until(lambda: not self._waiting(), CALM_S)
        settled = self.scheduler.time - end
        for name in self._waiting():
            process, op = self.open_requests[name]
            self.violation(f"{name} ({op}) has no end {CALM_S:.0f} s after the storm")
            self.machine.note("stacks", text=self.scheduler.stacks(process))
        self.until(lambda: not self._busy(), LEAVE_S)
        for process in self._busy():
            self.violation(f"{process} is still there {LEAVE_S:.0f} s after its last answer")
        self.until(lambda: False, SETTLE_S)
        return settled

    def until(self, over: Callable[[], bool], seconds: float) -> None:
        """Goes on until `over`, or for so long, and judges what the kernel has seen."""
        end = self.scheduler.time + seconds
        self.scheduler.later(seconds, lambda: None)
        self.scheduler.run(lambda: self.scheduler.time >= end or over())
        while self._judged < len(self.machine.events):
            self._judged += 1
            self._judge(self.machine.events[self._judged - 1])

    def _judge(self, event: dict[str, Any]) -> None:
        if event["event"] == "uncaught":
            self.violation(f"{event['process']}: {event['error']}")
        elif event["event"] == "exit" and self._has_failed(event):
            self.violation(f"{event['process']} failed: {self._last_words('The supervisor failed')}")

    def _has_failed(self, event: dict[str, Any]) -> bool:
        """Returns whether a process that has ended was a supervisor that listened, and failed."""
        name, _, pid = event["process"].partition(":")
        return name == "supervisor" and event["status"] == BUG and bool(self._last_words(f"(pid {pid}) listens"))

    def _busy(self) -> list[Process]:
        return self.machine.living("person")

    def _waiting(self) -> list[str]:
        """The requests without an end, of clients that live."""
        return [name for name, (owner, _) in self.open_requests.items() if owner.living]

    def _services(self) -> list[Process]:
        return [*self.machine.living("supervisor"), *self.machine.living("engine")]

    def _furnish(self) -> None:
        for module, name in BOUNDED:
            make = getattr(sys.modules[module], name).__init__
            make.__defaults__ = (*make.__defaults__[:-1], self.script.room)
        self.machine.folder, self.machine.path = str(self.folder), [str(self.folder / "site")]
        tempfile.tempdir = str(self.folder / "tmp")
        names = random.Random(f"names {self.seed}")
        tempfile._name_sequence = iter(lambda: f"{names.getrandbits(32):08x}", "")  # type: ignore[attr-defined]
        places.furnish(self.folder, self.seed)

    def environment(self, session: str) -> dict[str, str]:
        return places.environment(self.folder, session, self.script.card)

    def _client(self, number: int, script: Script) -> Callable[[], None]:
        program = "simulation.programs.async_person" if number in script.loops else "simulation.programs.person"
        arguments = [program, f"client-{number}", *script.clients[number]]

        session = sessions.APART if number in script.apart else sessions.SESSION
        environment = self.environment(sessions.NONE if number in script.cut else session)

        def start() -> None:
            self.machine.start(arguments, environment, self.standard(), group=0)

        return start

    def standard(self) -> dict[int, Description]:
        files = [File(self.machine, os.open("/dev/null", os.O_RDWR), "/dev/null") for _ in range(2)]
        log = os.open(self.folder / "clients.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return {0: files[0], 1: files[1], 2: File(self.machine, log, "/dev/null")}

    # --- what the programs ask ---------------------------------------------------------------------------------------

    def load(self) -> Load:
        return Load(4, self.machine.random.choice([0.0, 0.2, 1.0]), 150 * MEGABYTE)

    def grow(self, size: int) -> None:
        process = self.machine.current
        assert process
        process.memory += size

    def burn(self, seconds: float) -> None:
        process = self.machine.current
        assert process
        process.cpu += seconds

    def pace(self) -> float:
        if self.calm:
            return 0.0
        if self.machine.random.random() < 0.01:
            return 8.0  # longer than the supervisor waits for a worker that does not beat
        return self.machine.random.choice([0.0, 0.01, 0.1, 0.3])

    def furnish(self, name: str, data: bytes) -> str:
        path = self.folder / "in" / name
        with open(path, "wb") as file:  # not pathlib's: that one is the simulated process's
            file.write(data)
        return str(path)

    @property
    def card(self) -> Card:
        return self.storm.card

    def full(self) -> None:
        """Judges that a worker was started on a card without room for it, by the only supervisor that there is."""
        since = self.scheduler.time - FULL_S
        supervisors = [p for p in self.machine.processes.values() if p.kind == "supervisor"]
        alone = sum(process.living or process.ended >= since for process in supervisors) == 1
        if alone and not self.storm.struck(("card",), since):
            self.violation(f"{self.machine.current} was started on a card that is full")

    def crashes(self) -> bool:
        share = self.storm.figures["crash"]
        return bool(share) and self.machine.random.random() < share

    def recorder(self, party: str) -> Recorder:
        return Recorder(party, self._write, lambda: self.scheduler.time)

    def begun(self, person: Any, request: str, op: str) -> None:
        assert self.machine.current
        self.open_requests[request] = (self.machine.current, op)
        self.clients[request] = person.client
        if op in sessions.CHANGES:
            self.storm.told_to(op)
        self.begun_at[request] = self.scheduler.time
        if person.client.link.current() is not None:
            self.connected.add(request)

    def ended(self, request: str, error: Any, answered: bool, count_as: str = "ok") -> None:
        """Counts the end of a request; `answered`: whether nothing could repeat it."""
        owner, op = self.open_requests.pop(request)
        code = error.code if error else count_as
        since = self.begun_at.pop(request)
        forced = op == "speak" and self.storm.struck(("force",), since)  # a part may have left the worker, unheard

        def judge() -> None:
            if text := complaint(self.storm, owner, op, code, since, answered or forced):
                self.violation(f"{request} ({op}) {text}: {error}")

        if error:
            # A supervisor closes its connections a moment before it ends, which takes two turns of libzmq's thread.
            left_s = LEFT_S + 2 * self.storm.slowness
            self.scheduler.later(left_s if code in BLAMELESS else 0.0, judge)
        if request in self.connected and (text := delay(self.storm, op, self.scheduler.time - since, since)):
            self.violation(f"{request} ({op}) {text}")
        self.counts[code] = self.counts.get(code, 0) + 1
        self.promptness.ended()
        if wrong := sessions.wrong_meeting(self.machine, owner, self.clients.pop(request), op, code):
            self.violation(f"{request} ({op}) {wrong}")

    def violation(self, text: str, error: BaseException | None = None) -> None:
        """Notes that something happened that must not."""
        self.violations.append(text)
        self.machine.note("violation", text=text)
        if error is not None:
            import traceback

            self.machine.note("traceback", text="".join(traceback.format_exception(error)))

    def _wrote(self, process: Process, path: str, data: bytes) -> None:
        """Judges a line of a supervisor's log."""
        if process.kind == "supervisor" and path.endswith("supervisor.log"):
            text = data.decode(errors="replace").strip().split(" ", 2)[-1]  # without the time
            if wrong := blame.untrue(self.machine, self.storm, text):
                self.violation(f"{process} {wrong}: {text.strip()}")

    def _ignored(self, ignored: Any) -> None:
        """Notes an exception that Python only prints, as of `__del__`; Ctrl-C may come there, and is lost then. Garbage
        collected between two turns is of nobody: its process has ended."""
        if self.machine.current is not None and ignored.exc_type is not KeyboardInterrupt:
            error = f"{ignored.exc_type.__name__}: {ignored.exc_value} in {getattr(ignored.object, '__qualname__', '')}"
            self.machine.note("uncaught", process=repr(self.machine.current), thread="", error=error)

    def _write(self, line: bytes) -> None:
        self.machine.write(line)

    # --- what must hold ----------------------------------------------------------------------------------------------

    def _last_words(self, beginning: str) -> str:
        """Returns the last line of the supervisors' log that has `beginning`, empty if there is none."""
        lines = [line for log in self.folder.rglob("supervisor.log*") for line in log.read_text().splitlines()]
        return next((line for line in reversed(lines) if beginning in line), "")


class _Modules(dict[str, Any]):
    """Modules by name: the stand-ins, then the loaded ones."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or sys.modules.get(name, default)
