"""A whole house in one thread: real supervisors, workers and clients on a simulated machine, and what must hold there.

A process makes one `World`, before it has imported anything of the product, and plays one script in it; for another
one it forks. So nothing of a simulation is left in the next.
"""

from __future__ import annotations

import importlib
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
from history.checker import check
from history.events import Event
from history.recorder import Recorder

from . import calls, importer, threads
from .descriptors import Description, File
from .machine import Machine
from .processes import MEGABYTE, Process
from .scheduler import Scheduler
from .script import Script
from .storm import Storm

# The variables of modules that belong to a process.
PRIVATE: list[tuple[str, str, Callable[[], Any]]] = [
    ("hushd_supervisor.system.process", "_unreaped", set),
    ("hushd_protocol.system.atomic_file", "_swept", set),
    ("hushd_protocol.system.trace", "_marked", set),
    ("hushd_worker.usage", "forked", bool),
    ("hushd_worker.usage", "_template_peak", int),
]
PRODUCT = (
    "hushd_supervisor.__main__", "hushd_supervisor.assembly", "hushd_supervisor.system.sockets.lock",
    "hushd_worker.harness", "hushd_worker.usage", "hushd.client", "hushd.transport.autostart",
    "hushd.transport.liveness", "hushd_protocol.system.trace", "hushd.synthesis.speech", "hushd.synthesis.options",
    "hushd.transcripts.transcription", "hushd.transcripts.options", "hushd.transport.floor", "hushd_schema.controls",
    "hushd_schema.status", "simulation.programs.engine", "simulation.programs.person",
    "simulation.programs.auditor", "hushd.audio.source", "hushd_models.catalogue", "hushd_schema.engines",
    "hushd_schema.entry_points", "hushd_schema.settings.reader", "hushd_schema.speech", "hushd_schema.toml",
    "hushd_schema.transcript", "hushd_schema.warned", "encodings.ascii",
)  # fmt: skip
CALM_S = 60.0  # after the last fault in which everything must have come to rest
SETTLE_S = 10.0  # after the last answer in which workers end what nobody wants any more
AUDIT_S = 10.0  # in which a supervisor must tell its status then
BUG = 70  # the exit status of a supervisor that has failed, sysexits' EX_SOFTWARE
BLAMELESS = ("supervisor_lost", "shutting_down", "worker_stopped")  # errors after which a client asks again
MOST_LOST = 3  # supervisors that it may lose over one request, as `hushd.transport.attempts` says
SETTLED = ("stopped", "ready", "backoff", "failed")
WITHIN_MB = 5.0  # between the account and the processes, for each of them
IDLE_S = 1200.0  # in which workers and supervisor must have left: 5 minutes and 10 after the last lease


class Load(NamedTuple):
    """The load of a model."""

    steps: int
    seconds: float
    memory: int
    fails: bool


class Outcome(NamedTuple):
    """The result of a simulation.

    Attributes:
        violations: of what must hold, as sentences; none is good.
        seconds: simulated.
        counts: of the ends of requests: `ok`, or the code of an error.
        settled: seconds after the last fault until every client had its answers.
    """

    digest: str
    violations: list[str]
    seconds: float
    requests: int
    counts: dict[str, int]
    settled: float = 0.0


class World:
    """The machine, the product in it, and the harness around both."""

    def __init__(self, network: Callable[[Machine], Any]) -> None:
        self.folder = Path()
        self.scheduler = Scheduler(0)
        self.machine = Machine(self.scheduler)
        self.network = network(self.machine)
        stand_ins = self.stand_ins
        stand_ins |= {
            **calls.modules(self.machine),
            "zmq": self._zmq(),
            **threads.modules(self.scheduler),
        }
        self.machine.modules = stand_ins
        importer.install(stand_ins)
        for name in PRODUCT:
            importlib.import_module(name)
        self.machine.modules = _Modules(stand_ins)
        self.machine.globals = PRIVATE
        self.machine.on_death.append(self.network.died)
        self.machine.on_stop, self.machine.on_go_on = self.network.freeze, self.network.thaw
        self._register()
        self.storm = self.machine.faults = Storm(self.machine, self.network)
        self.seed = 0
        self.violations: list[str] = []
        self.open_requests: dict[str, tuple[Process, str]] = {}
        self.counts: dict[str, int] = {}  # of the ends of requests, by their codes
        self.begun_at: dict[str, float] = {}  # when each open request began
        self.reports: list[Any] = []
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
        machine.foreign = lambda pid, real: getattr(network._watched.get(real), "pid", None) == pid
        module: ModuleType = network.module()
        return module

    def _register(self) -> None:
        modules = sys.modules
        engine, person = modules["simulation.programs.engine"], modules["simulation.programs.person"]
        auditor = modules["simulation.programs.auditor"]
        engine.world = person.world = auditor.world = self  # type: ignore[attr-defined]
        self.machine.programs |= {
            "hushd_supervisor": lambda arguments: modules["hushd_supervisor.__main__"].main(arguments),
            "simulation.programs.engine": engine.main,
            "simulation.programs.person": person.main,
            "simulation.programs.auditor": auditor.main,
        }

    # --- a simulation ------------------------------------------------------------------------------------------------

    def play(self, script: Script, folder: Path) -> Outcome:
        """Plays a script to its end, in an empty folder of a short name, on tmpfs if there is one."""
        self.seed, self.folder = script.seed, folder
        self.scheduler.random.seed(f"world {script.seed}")
        self.network._epoll = select.epoll()
        self.network._libc.srand(self.scheduler.random.getrandbits(31))
        self.dice.seed(f"dice {script.seed}")
        self._furnish()
        for number, acts in enumerate(script.clients):
            self.scheduler.later(self.dice.random(), self._client(f"client-{number}", acts, number in script.cut))
        begin = self.scheduler.time
        for at, kind, *how in script.faults:
            self.scheduler.later(at, partial(self.storm.strike, kind, how))
        self._until(lambda: False, script.seconds)
        self.storm.end()
        self._write(Event(self.scheduler.time, "harness", "", "calm", {"bound": CALM_S}).line())
        self._until(lambda: not self._busy(), CALM_S)
        settled = self.scheduler.time - begin - script.seconds
        for process in self._busy():
            open_ = [f"{name} ({op})" for name, (owner, op) in self.open_requests.items() if owner is process]
            self.violation(f"{process} has no end of {', '.join(open_) or 'its life'} {CALM_S:.0f} s after the storm")
            self.machine.note("stacks", text=self.scheduler.stacks(process))
        self._until(lambda: False, SETTLE_S)
        self._audit()
        self._until(lambda: not self._services(), IDLE_S)
        for process in self._services():
            self.violation(f"{process} is still there {IDLE_S:.0f} s after the last request")
        self._check_history()
        return Outcome(
            self.machine.digest, self.violations, self.scheduler.time - begin, sum(self.counts.values()), self.counts,
            round(settled, 3),
        )  # fmt: skip

    def _until(self, over: Callable[[], bool], seconds: float) -> None:
        end = self.scheduler.time + seconds
        self.scheduler.later(seconds, lambda: None)
        self.scheduler.run(lambda: self.scheduler.time >= end or over())

    def _busy(self) -> list[Process]:
        return self.machine.living("person")

    def _services(self) -> list[Process]:
        return [*self.machine.living("supervisor"), *self.machine.living("engine")]

    def _furnish(self) -> None:
        """Makes the folders and the configuration."""
        for name in ("home", "run", "tmp"):
            (self.folder / name).mkdir(mode=0o700)
        tempfile.tempdir = str(self.folder / "tmp")
        command = "command = ['python', '-m', 'simulation.programs.engine']\n"
        text = f'[worker]\nstart_timeout = 30\n[worker."stt/echo"]\n{command}[worker."tts/echo"]\n{command}'
        (self.folder / "config.toml").write_text(text)

    def _environment(self, cut: bool) -> dict[str, str]:
        environment = {
            "HOME": str(self.folder / "home"),
            "PATH": "/bin",
            "HUSHD_CONFIG": str(self.folder / "config.toml"),
        }
        return environment if cut else environment | {"XDG_RUNTIME_DIR": str(self.folder / "run")}

    def _client(self, name: str, acts: tuple[str, ...], cut: bool) -> Callable[[], None]:
        def start() -> None:
            arguments = ["simulation.programs.person", name, *acts]
            self.machine.start(arguments, self._environment(cut), self._standard(), group=0)

        return start

    def _standard(self) -> dict[int, Description]:
        """The standard descriptors of a program of the user's."""
        import os

        files = [File(self.machine, os.open("/dev/null", os.O_RDWR), "/dev/null") for _ in range(2)]
        log = os.open(self.folder / "clients.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return {0: files[0], 1: files[1], 2: File(self.machine, log, "/dev/null")}

    # --- what the programs ask ---------------------------------------------------------------------------------------

    def load(self) -> Load:
        return Load(4, self.machine.random.choice([0.0, 0.2, 1.0]), 150 * MEGABYTE, fails=False)

    def grow(self, size: int) -> None:
        process = self.machine.current
        assert process
        process.memory += size

    def burn(self, seconds: float) -> None:
        process = self.machine.current
        assert process
        process.cpu += seconds

    def pace(self) -> float:
        return self.machine.random.choice([0.0, 0.01, 0.1, 0.3])

    def crashes(self) -> bool:
        return bool(self.storm.crashing) and self.machine.random.random() < self.storm.crashing

    def recorder(self, party: str) -> Recorder:
        return Recorder(party, self._write, lambda: self.scheduler.time)

    def begun(self, person: Any, request: str, op: str) -> None:
        assert self.machine.current
        self.open_requests[request] = (self.machine.current, op)
        self.begun_at[request] = self.scheduler.time

    def ended(self, request: str, error: Exception | None, answered: bool) -> None:
        """Counts the end of a request; `answered`: whether its client had a part of the answer."""
        _, op = self.open_requests.pop(request)
        code = getattr(error, "code", "ok") if error else "ok"
        since = self.begun_at.pop(request)
        if code in BLAMELESS and not (answered and op == "speak"):
            # Of a transcript that was begun, the rest is asked for; a second death that brought nothing new is raised.
            most = MOST_LOST - (op == "transcribe")
            if not self.storm.excuses(since, most):
                self.violation(f"{request} ({op}) was lost, {code}, though not {most} supervisors ended meanwhile")
        self.counts[code] = self.counts.get(code, 0) + 1

    def violation(self, text: str, error: BaseException | None = None) -> None:
        """Notes that something happened that must not."""
        self.violations.append(text)
        self.machine.note("violation", text=text)
        if error is not None:
            import traceback

            self.machine.note("traceback", text="".join(traceback.format_exception(error)))

    def _write(self, line: bytes) -> None:
        self.machine.write(line)

    # --- what must hold ----------------------------------------------------------------------------------------------

    def _audit(self) -> None:
        """Checks what must hold once all is calm."""
        for event in self.machine.events:
            if event["event"] == "uncaught":
                self.violation(f"{event['process']}: {event['error']}")
            if event["event"] == "abort":
                self.violation(f"a library failed an assertion in {event['pid']}: {event['reason']}")
            failed = event["event"] == "exit" and event["status"] == BUG and "supervisor" in event["process"]
            if failed and self._last_words(f"(pid {event['process'].partition(':')[2]}) listens"):
                self.violation(f"{event['process']} failed: {self._last_words('The supervisor failed')}")
        seen: set[int] = set()
        for cut in (False, True):
            self.reports.clear()
            self.machine.start(["simulation.programs.auditor"], self._environment(cut), self._standard(), group=0)
            self._until(lambda: bool(self.reports), AUDIT_S)
            if not self.reports:
                self.violation(f"the supervisor has not told its status in {AUDIT_S:.0f} s")
            for status in self.reports:
                if status is not None and status.supervisor.pid not in seen:
                    seen.add(status.supervisor.pid)
                    self._check_status(status)
        self._until(lambda: not self.machine.living("auditor"), AUDIT_S)

    def _last_words(self, beginning: str) -> str:
        """Returns the last line of the supervisors' log that has `beginning`, empty if there is none."""
        lines = [line for log in self.folder.rglob("supervisor.log*") for line in log.read_text().splitlines()]
        return next((line for line in reversed(lines) if beginning in line), "")

    def _check_history(self) -> None:
        """Has the checker of histories, which knows nothing of us, judge what the clients have seen."""
        events = sorted(map(Event.of, self.machine.lines), key=lambda event: event.at)
        if any(event.kind == "rest" for event in events):
            self.violations += [violation.sentence for violation in check(events).violations]

    def audited(self, status: Any) -> None:
        self.reports.append(status)

    def _check_status(self, status: Any) -> None:
        """Checks what a supervisor says of itself against what there is."""
        pid = status.supervisor.pid
        children = {child.pid: child for child in self.machine.processes[pid].children if child.living}
        rows = {row.pid: row for row in status.workers if row.pid}
        for row in status.workers:
            if row.state not in SETTLED:
                self.violation(f"worker {row.name} is {row.state} {SETTLE_S:.0f} s after the last answer")
            if row.queued or row.running:
                self.violation(f"worker {row.name} has {row.queued} requests queued and {row.running} running")
            for holder in row.holders:
                self._check_lease(row.name, holder)
        if set(rows) != set(children):
            self.violation(f"supervisor {pid} has processes {sorted(children)}, and says {sorted(rows)}")
        processes = sum(child.private_memory for child in children.values()) / MEGABYTE
        if abs(status.memory.used_mb - processes) > WITHIN_MB * (1 + len(children)):
            self.violation(f"the account has {status.memory.used_mb:.0f} MB, and the processes {processes:.0f} MB")
        floor = status.floor
        if floor.speaker or floor.microphone or floor.waiting:
            self.violation(f"the floor is not free: {floor}")
        more = {
            "workers": {row.name: row.state for row in status.workers},
            "speaker": None, "microphone": None, "waiting": 0, "within": WITHIN_MB * MEGABYTE * (1 + len(children)),
            "leases": [[row.name, holder, left] for row in status.workers for holder, left in row.holders.items()],
            "account": int(status.memory.used_mb * MEGABYTE), "processes": int(processes * MEGABYTE),
        }  # fmt: skip
        self._write(Event(self.scheduler.time, "harness", "", "rest", more).line())

    def _check_lease(self, worker: str, holder: str) -> None:
        if not holder.startswith("client-"):
            self.violation(f"{holder!r} holds a lease on {worker} that nobody asked for")


class _Modules(dict[str, Any]):
    """Modules by name: the stand-ins, then the loaded ones."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or sys.modules.get(name, default)
