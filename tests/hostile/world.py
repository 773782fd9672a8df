"""A world for the pool in which everything goes wrong: workers that crash, hang and lie, clients that do anything.

Time is simulated. `World` plays the loop, every process and every client, and checks the pool's promises after each
step: `check` for what must always hold, the `assert`s in `_act` for what must never be asked.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hushd_protocol import messages as m
from hushd_protocol.cards import KINDS
from hushd_protocol.names import base
from hushd_schema.settings import Settings
from hushd_schema.settings.tables import MemorySettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.events import Used
from hushd_supervisor.core.memory.budget import RESERVE, Memory
from hushd_supervisor.core.memory.pressure import MEASURE_INTERVAL_S, SMALL, VERY_LOW, Level
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.core.worker.states import State
from msgspec import structs
from support.desk import jobs_of

from .cards import NEVER, Cards, beat
from .promises import Promises

MB = 1_000_000
TERMINAL = (m.Result, m.Error)
NAMES = ("stt/a/x", "stt/b/y", "tts/c/z")


@dataclass
class Process:
    """A worker's process: `mode` is how it misbehaves."""

    name: str
    gen: int
    mode: str
    slots: int = 1
    sessions: int = 0
    aside: int = 0
    ready: bool = False
    doomed: bool = False  # drained or killed: must be given nothing more
    alive: bool = True
    jobs: dict[bytes, m.Job] = field(default_factory=dict)
    credit: dict[bytes, int] = field(default_factory=dict)  # output chunks it may still send
    live: set[bytes] = field(default_factory=set)  # jobs that end only with their input
    cpu: float = 0.0
    size: int = 300_000_000
    forced: bool = False  # an unload with force came in its life
    cancelled: set[bytes] = field(default_factory=set)  # jobs; if it ignores one it is killed under the others
    loading: Used = field(default_factory=Used)  # by its start so far
    on_card: str = ""  # the one that it was given
    cards: dict[str, int] = field(default_factory=dict)  # bytes that it takes of each


@dataclass
class Person:
    route: bytes
    connected: bool = True
    open: dict[bytes, m.Request] = field(default_factory=dict)
    ended: Counter[bytes] = field(default_factory=Counter)
    heard: dict[bytes, float] = field(default_factory=dict)  # when something last came for a request
    granted: Counter[bytes] = field(default_factory=Counter)  # output chunks allowed
    received: Counter[bytes] = field(default_factory=Counter)
    upload: Counter[bytes] = field(default_factory=Counter)  # input chunks the worker asked for
    sent: Counter[bytes] = field(default_factory=Counter)
    gave_up: set[bytes] = field(default_factory=set)  # requests that it cancelled or unloaded
    stopped: bool = False  # as by SIGSTOP: answers no ping
    turns: dict[bytes, str] = field(default_factory=dict)  # by claim, where it stands


class World:
    """One seeded run. `codes` counts how requests ended, `events` which rare things occurred."""

    machines = (1 << 40, 900_000_000, 500_000_000)  # bytes of memory: room for all workers, for two, for one

    def __init__(self, seed: int, pool: type[Pool] = Pool) -> None:
        self.random = random.Random(seed)
        self.dice = random.Random(~seed)
        self.pids = random.Random(seed + 1_000_000)
        self.others_dice = random.Random(f"{seed} others")  # for what concerns other programs
        self.now, self.looked_at = 1000.0, -math.inf
        self.cards = Cards.of(self, seed)
        self.promises = Promises(self)
        self.on_cpu_alone = {NEVER} if seed % 2 else set()  # workers of which that is known before they start
        r = self.random
        settings = self.settings(r)
        self.slots = r.choice([1, 1, 2, 3])
        self.sessions = self.dice.choice([0, 0, 1, 4])
        self.aside = self.dice.choice([0, 2, 6])
        self.rested: set[tuple[bytes, bytes]] = set()  # the requests that were set aside
        self.auto = r.random() < 0.3
        self.total = r.choice(self.machines)
        self.others = 0  # bytes that other programs take
        self.relieving = False  # whether the user's program runs that may free memory
        self.seen = Memory(self.total, self.total)  # at the pool's last look
        self.short = False  # memory was, before the step under way
        self.ran_on: dict[bytes, Process] = {}  # the process of a request's last job
        self.obeyed: set[bytes] = set()  # jobs that a process ended when it was asked to
        self.pool = pool(
            settings,
            version="1",
            pid=1,
            auto=self.auto,
            cores=4,
            memory=self.look,
            has_cards=lambda: bool(self.cards.devices),
            card_kinds=lambda name: () if base(name) in self.on_cpu_alone else KINDS,
        )
        self.workers, self.admission = self.pool.fleet.workers, self.pool.fleet.admission
        self.departure, self.floor, self.requests = self.pool.departure, self.pool.floor, self.pool.requests
        self.processes: dict[tuple[str, int], Process] = {}
        self.people: list[Person] = []
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.ids = itertools.count(1)
        self.codes: Counter[str] = Counter()
        self.events: set[str] = set()  # rare ones that must occur in some run
        self.left = self.told = False
        self.described: set[str] = set()  # roles whose engines are being listed
        self.poison: set[bytes] = set()
        # By job: the processes that have ended of themselves, hung, or lacked memory.
        self.died_under: Counter[bytes] = Counter()
        self.crashes = r.choice([0.08, 0.08, 0.6])  # share of the jobs that end so
        self.pauses = [0, 0.1, 1, 5, 30, 90] if self.crashes < 0.5 else [0, 0.1, 0.5, 1, 2]

    def memory(self) -> Memory:
        """The machine: processes take 300 MB each or more, once they have loaded and until their exit was seen."""
        used = self.others + sum(p.size for p in self.processes.values() if p.alive and p.ready)
        return Memory(self.total, max(0, self.total - used))

    def look(self) -> Memory:
        """Looks as the pool does."""
        self.seen, self.looked_at = self.memory(), self.now
        return self.seen

    def settings(self, r: random.Random) -> Settings:
        """Any configuration; a changed environment makes processes of the old one leave."""
        recycled = r.choice([{}, {}, {"max_pss_mb": 300.0}])
        return Settings(
            worker={
                "": {
                    "queue": r.choice([3, 50]),
                    "keep_alive": r.choice([0, 5, 60, -1]),
                    "memory_mb": 300,
                    "max_replicas": r.choice([0, 1, 3]),
                    **recycled,
                    **self.cards.settings(),
                },
                "tts": {"pinned": r.random() < 0.2, "environment": {"N": str(r.randint(0, 2))}},
            },
            memory=MemorySettings(when_short=self.others_dice.choice([(), ("free",)])),
            stt="a/x",
        )

    # --- time ----------------------------------------------------------------------------------------------------

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (self.now + delay, next(self.order), what))

    def run(self, seconds: float) -> None:
        """Lets `seconds` pass: planned events happen, and the pool is woken when it asked to be."""
        end = self.now + seconds
        spins = 0
        while True:
            due = self.pool.deadline()
            due = math.inf if due is None else due
            planned = self.agenda[0][0] if self.agenda else math.inf
            soonest = min(due, planned)
            if soonest > end:
                break
            if soonest >= self.now + 1.0:  # no spinning but a look now and then
                spins = 0
            self.now = max(self.now, soonest)
            if planned <= due:
                heapq.heappop(self.agenda)[2]()  # what it tells the pool is checked there
                spins = 0
            else:
                self.short = self.admission.level >= Level.WARNING
                self._act(self.pool.on_time(self.now))
                spins += 1
                assert spins < 50, "the pool spins: on_time does not move its deadline"
                lives = any(process.alive for process in self.processes.values())
                assert not lives or self.now - self.looked_at <= MEASURE_INTERVAL_S, "nobody has looked at memory"
                self.check()
        self.now = end

    def tell(self, event: ev.Event) -> None:
        self.short = self.admission.level >= Level.WARNING
        self._act(self.pool.handle(event, self.now))
        self.check()

    # --- people --------------------------------------------------------------------------------------------------

    def connect(self) -> Person:
        person = Person(self.random.randbytes(5))
        self.people.append(person)
        holder = self.random.choice([None, "cli", "mcp"])
        pid = self.pids.choice([0, 0, 7, 8])  # of a program with several connections
        self.tell(ev.FromClient(person.route, m.Hello(protocol=1, version="1", holder=holder, pid=pid)))
        return person

    def request(self, person: Person, **fields: Any) -> bytes:
        r = self.random
        name = next(self.ids).to_bytes(16, "big")
        request = m.Request(
            id=name,
            worker=r.choice((*NAMES, "stt")),
            op="warm" if r.random() < 0.1 else "echo",
            input=r.choice(["inline", "inline", "path", "stream", "none"]),
            path="/x",
            credit=r.choice([0, 1, 8]),
            priority=r.choice(["important", "message", "text", "notification", "progress"]),
            deadline_ms=r.choice([None, None, 100, 3000, 60_000]),
            keep_alive=r.choice([None, None, 0, 1.5, 600.0, -1.0]),
            session=self.dice.random() < 0.3,
            caller=name[-1] % 3,
        )
        if self.dice.random() < 0.15:  # somebody speaks for as long as they like
            fields = {"op": "echo", "input": "stream", "session": True, "deadline_ms": None, "credit": 8} | fields
        if r.random() < 0.06:
            self.poison.add(name)
        request = structs.replace(request, **fields)
        person.open[name] = request
        person.granted[name] = request.credit
        person.heard[name] = self.now
        self.tell(ev.FromClient(person.route, request))
        return name

    def person_does_something(self) -> None:
        """One random act of a client, the owner or the network."""
        self.cards.something_happens()
        if self.dice.random() < 0.4:
            self.speech()
        r = self.random
        if r.random() < 0.06:
            return self.memory_gets_short()
        here = [p for p in self.people if p.connected]
        person = r.choice(here) if here and r.random() < 0.85 else self.connect()
        x = r.random()
        for name, worker in self.workers.items():  # the worst moment for an unload
            if worker.state is State.BUSY and worker.recent_crashes == 3 and person.connected:
                return self.control(person, "unload", [name])
        known = list(person.open) or [b"\0" * 16]
        if x < 0.55:
            self.request(person)
        elif x < 0.68:
            chosen = r.choice(known)
            person.gave_up.add(chosen)
            self.tell(ev.FromClient(person.route, m.Cancel(id=chosen)))
        elif x < 0.74:
            chosen = r.choice(known)
            if chosen in person.open:
                person.granted[chosen] += 4
                self.tell(ev.FromClient(person.route, m.Credit(id=chosen, chunks=4)))
        elif x < 0.80:
            self.send_input(person, r.choice(known), honest=r.random() < 0.8)
        elif x < 0.86:
            person.connected = False
            self.tell(ev.ClientGone(person.route, slow=r.random() < 0.2))
        elif x < 0.92:
            names = r.choice([[], ["stt"], [r.choice(NAMES)]])
            self.control(person, "unload", names, force=self.dice.random() < 0.3)
        elif x < 0.95:
            self.control(person, "status", [])
        elif x < 0.97:
            self.tell(ev.Configured(self.settings(r)))
        else:
            self.tell(ev.FromClient(person.route, m.Pong()))

    def memory_gets_short(self) -> None:
        """Other programs come and go."""
        self.others = int(self.total * self.random.choice([0, 0.3, 0.6, 0.88, 0.95]))
        self.at(self.random.uniform(1, 60), lambda: setattr(self, "others", 0))

    def speech(self) -> None:
        """One random act about the floor; by dice of its own, so that all else happens as without it."""
        here = [p for p in self.people if p.connected]
        if not here:
            return
        r = self.dice
        person = r.choice(here)
        x = r.random()
        claims = list(person.turns) or [b"?" * 16]
        if x < 0.6:
            self.claim(person)
        elif x < 0.7:
            self._yield(person, r.choice(claims), r.random() < 0.3)
        elif x < 0.75:
            self.tell(ev.FromClient(person.route, m.Cancel(id=r.choice(claims))))
        elif x < 0.85:
            person.stopped = not person.stopped
            if not person.stopped:  # it reads what has come meanwhile
                self.tell(ev.FromClient(person.route, m.Pong()))
        else:
            action = r.choice(["stop", "cancel", "pause", "resume", "resume"])
            self.control(person, action, r.choice([[], ["self"], ["cli"], [str(r.randrange(20))]]))

    def control(self, person: Person, action: str, names: list[str], force: bool = False, **fields: Any) -> None:
        name = next(self.ids).to_bytes(16, "big")
        if action == "unload":
            person.gave_up |= set(person.open)
            for process in self.processes.values() if force else ():
                process.forced |= not names or base(process.name).startswith(tuple(names))
        person.open[name] = m.Request(id=name, worker="control", op=action)
        self.tell(ev.FromClient(person.route, m.Control(id=name, action=action, names=names, force=force, **fields)))

    def claim(self, person: Person) -> None:
        r = self.dice
        name = next(self.ids).to_bytes(16, "big")
        person.open[name] = m.Request(id=name, worker="floor", op="claim")
        devices = r.choice([["speaker"], ["speaker"], ["microphone"], ["speaker", "microphone"], []])
        priority = r.choice(["important", "message", "text", "text", "notification", "progress"])
        self.tell(ev.FromClient(person.route, m.Claim(id=name, devices=devices, priority=priority)))

    def silence(self, person: Person, name: bytes) -> None:
        """The player of a claim stops, soon or never; it may have said all."""
        r = self.dice
        if r.random() < 0.8:
            keep = r.random() < 0.5
            self.at(r.choice([0.05, 0.9, 3.0]), lambda: self._yield(person, name, keep))

    def _yield(self, person: Person, name: bytes, keep: bool) -> None:
        if person.connected and not person.stopped and not self.left:
            self.tell(ev.FromClient(person.route, m.Yield(id=name, keep=keep)))

    def send_input(self, person: Person, name: bytes, honest: bool) -> None:
        if honest and person.upload[name] <= person.sent[name]:
            return
        live = name in person.open and person.open[name].session
        chunk = m.Chunk(id=name, seq=person.sent[name], last=self.random.random() < (0.01 if live else 0.3))
        person.sent[name] += 1
        self.tell(ev.FromClient(person.route, chunk))

    # --- the loop's part -----------------------------------------------------------------------------------------

    def _act(self, actions: list[do.Action]) -> None:
        for action in actions:
            assert not self.left, f"{action} after Leave"
            match action:
                case do.ProbeStart(name, gen):
                    self.at(0.0, lambda process=self.processes[name, gen]: self._gauge(process))
                case do.Spawn(name, gen, device, shown, why):
                    elsewhere = shown or device not in ("", "cpu")
                    assert base(name) not in self.on_cpu_alone or not elsewhere, "a device for nothing"
                    self._spawn(name, gen, shown, why)
                case do.ProbeCards():
                    self.cards.look()
                case do.Relieve(("free",), ram=ram, vram=vram):
                    assert not self.relieving, "a second program runs to free memory"
                    assert ram > 0 or vram > 0, "a program runs to free nothing"
                    self.relieving = True
                    self.at(self.others_dice.choice([0.0, 0.3, 10.0]), self._relieve)
                case do.Kill(name, gen):
                    self._kill(self.processes[name, gen])
                case do.ToWorker(name, gen, message):
                    self._to_worker(self.processes[name, gen], message)
                case do.ToClient(route, message):
                    self._to_client(route, message)
                case do.Describe(role) if role not in self.described:
                    self.described.add(role)
                    self.at(self.dice.choice([0.0, 0.06, 10.0]), lambda role=role: self._describe(role))
                case do.ReportStatus(route, name):
                    self.pool.fleet.status(self.now)
                    self._to_client(route, m.Result(id=name))
                case do.PrepareEnd(stop):
                    assert self.departure.down if stop else self.departure.renewing, "turned away for nothing"
                    self.told = True
                case do.Leave():
                    assert self.told, "has turned nobody away"
                    assert not any(p.alive for p in self.processes.values()), "left processes behind"
                    self.left = True

    def _relieve(self) -> None:
        """The user's program ends, which has freed memory, or nothing, whatever it says."""
        dice = self.others_dice
        self.relieving = False
        if dice.random() < 0.6:
            self.others = 0
            for device in self.cards.devices:
                device.others = 0
            self.events.add("a program frees memory")
        if not self.left:
            self.tell(ev.Relieved(freed=dice.random() < 0.7))

    def _describe(self, role: str) -> None:
        self.described.remove(role)
        error = self.dice.choice(["", "", "no package"])
        if not self.left:
            self.tell(ev.Described(role, {} if error else {"engines": []}, error))

    def _person(self, route: bytes) -> Person:
        return next(p for p in self.people if p.route == route)

    def _to_client(self, route: bytes, message: m.Message) -> None:
        person = self._person(route)
        if not person.connected:
            assert isinstance(message, TERMINAL), f"{message} to a client that is gone"
            return
        name = getattr(message, "id", None)
        if not name:
            return
        assert name in person.open or person.ended[name], f"{message} for nothing"
        person.heard[name] = self.now
        assert not person.ended[name], f"{message} after the terminal message"
        if isinstance(message, m.Result) and person.open[name].worker in (*NAMES, "stt"):
            asked, served = person.open[name].worker, base(message.data.get("worker") or self.ran_on[name].name)
            assert served == asked or (asked == "stt" and served == "stt/a/x"), "another worker"
            assert "degraded" not in message.data, "a false degraded"
        if isinstance(message, m.Error) and person.open[name].worker in (*NAMES, "stt"):
            assert message.code != "shutting_down" or self.departure.down, "nobody leaves"
            assert message.code != "cancelled" or name in person.gave_up, "ended by another client"
            if message.code == "poison_request":
                assert self.died_under[name] + person.open[name].attempt >= 2, "called poison, and is innocent"
            if message.code == "worker_stopped":
                process = self.ran_on[name]
                assert process.forced or process.cancelled - {name}, "ended by recycling or without force"
        if isinstance(message, m.Result) and message.data.get("busy"):
            self.events.add("an unload leaves others at work")
        if isinstance(message, TERMINAL):
            person.ended[name] += 1
            del person.open[name]
            if person.turns.pop(name, "") == "granted":
                self.silence(person, name)
            self.codes[message.code if isinstance(message, m.Error) else "result"] += 1
        elif isinstance(message, m.Chunk):
            person.received[name] += 1
            assert person.received[name] <= person.granted[name], "more output than the client granted"
            if self.random.random() < 0.8:
                person.granted[name] += 1
                self.at(0.01, lambda: self._grant(person, name))
        elif isinstance(message, m.Credit):
            person.upload[name] += message.chunks
            for _ in range(self.random.randint(0, message.chunks)):
                self.at(self.random.random(), lambda: self._continue_input(person, name))
        elif isinstance(message, m.Turn):
            before = person.turns.get(name, "")
            assert message.state != before, "told twice"
            person.turns[name] = message.state
            if message.state == "granted":
                self.at(self.dice.uniform(0, 20), lambda: self._yield(person, name, False))
            elif before == "granted":
                self.silence(person, name)

    def _grant(self, person: Person, name: bytes) -> None:
        if person.connected and not self.left:
            self.tell(ev.FromClient(person.route, m.Credit(id=name, chunks=1)))

    def _continue_input(self, person: Person, name: bytes) -> None:
        if person.connected and name in person.open and not self.left:
            self.send_input(person, name, honest=True)

    # --- processes -----------------------------------------------------------------------------------------------

    def taken(self) -> int:
        """Bytes of all processes, once they have loaded."""
        return sum(300_000_000 for p in self.processes.values() if p.alive)

    def _spawn(self, name: str, gen: int, shown: str, why: str) -> None:
        assert not any(p.alive for p in self.processes.values() if p.name == name), "a second process"
        taken = self.taken()
        assert taken + 300_000_000 <= 0.8 * self.total, "more than the budget"
        growing = sum(
            300_000_000
            for p in self.processes.values()
            if p.alive and not p.ready and not p.doomed and p.mode != "load-fails"
        )
        kept = min(RESERVE, self.total // 8)
        assert growing + 300_000_000 + kept <= self.memory().available, "more than there is"
        small = growing + 300_000_000 <= int(SMALL * self.memory().available)
        spared = growing + 300_000_000 + VERY_LOW * self.total <= self.memory().available
        critical = self.admission.level is Level.CRITICAL
        assert small or spared or not critical, "a start under critical pressure"
        assert not self.departure.renewing, "a start while making way"
        assert not self.departure.down, "a start while leaving"
        if "#" in name:
            self.events.add("a replica")
        mode = self.random.choice(
            ["ok"] * 8
            + ["no-hello", "no-ready", "dies", "hangs", "ignores-drain", "no-spawn", "load-fails"]
            + ["leaves", "vanishes", "unreachable"]
        )
        if mode == "ok" and self.dice.random() < 0.1:
            mode = self.dice.choice(["crawls", "crawls", "turns"])
        process = Process(name, gen, mode, self.slots, self.sessions, self.aside)
        self.cards.spawned(process, shown, why)
        self.processes[name, gen] = process
        if mode == "no-spawn":
            process.alive = False
            transient = self.dice.random() < 0.5
            self.at(0, lambda: self.tell(ev.SpawnFailed(name, gen, "no memory", transient)))
        else:
            self.at(self.dice.choice([0.0, 0.0, 0.1, 12.0]), lambda: self._begin(process))

    def _begin(self, process: Process) -> None:
        """The loop has come to the start of a process; it drops one that was to be killed before."""
        if process.doomed or self.left:
            return
        self.tell(ev.Spawned(process.name, process.gen))
        mode = process.mode
        if mode == "dies":
            self.at(self.random.random(), lambda: self.exit(process, self.random.choice([0, 1, -11, 75])))
        elif mode != "no-hello":
            self.at(0.1, lambda: self._say(process, m.WorkerHello(token="t", protocol=1, version="1", pid=2)))
            if mode == "load-fails":
                self.at(0.5, lambda: self._say(process, self._failure(process)))
                self.at(0.6, lambda: self._say(process, m.Bye()))
            elif mode == "crawls":
                self.at(self.dice.uniform(60, 900), lambda: self._ready(process))
            elif mode not in ("no-ready", "turns"):
                for second in range(self.random.choice([0, 0, 3])):
                    self.at(0.2 + second, lambda: self._say(process, m.Loading()))
                slowest = 35 if self.crashes < 0.5 else 1
                self.at(self.random.uniform(0.2, slowest), lambda: self._ready(process))

    def _gauge(self, process: Process) -> None:
        """Looks at a starting process: one that crawls does a little, one that turns in a circle only computes."""
        if not process.alive or self.left:
            return
        if process.mode == "turns":
            process.loading = replace(process.loading, cpu_s=process.loading.cpu_s + 2)
        elif process.mode == "crawls":
            cpu_s, read, private = process.loading.cpu_s, process.loading.read, process.loading.private
            process.loading = self.dice.choice(
                [
                    Used(cpu_s + 0.06, read, private),
                    Used(cpu_s, read + 70_000, private),
                    Used(cpu_s, read, private + MB),
                ]
            )
        self.tell(ev.StartProbed(process.name, process.gen, process.loading))
        if self.workers[process.name].state is State.STARTING:
            learnt = self.admission.needs.memory(process.name, process.on_card)
            assert learnt >= process.loading.private, "a start takes more than its need"

    def _failure(self, process: Process) -> m.LoadFailed:
        self.cards.outgrown.add(base(process.name))
        code = self.dice.choice(["engine_missing", "server_busy"])
        return m.LoadFailed(code=code, message="No.", on_card=self.dice.random() < 0.5)

    def _say(self, process: Process, message: m.Message) -> None:
        """A frame arrives; from a dead process too, since frames and exits race."""
        if process.alive or self.random.random() < 0.5:
            self.tell(ev.FromWorker(process.name, process.gen, message))

    def _ready(self, process: Process) -> None:
        if process.alive:
            process.ready = True
            known = self.cards.ready(process)
            places = {"slots": process.slots, "sessions": process.sessions, "aside": process.aside}
            self._say(process, m.Ready(pss=300_000_000, **places, **known))
            self._beat(process)
            soon = self.random.uniform(0, 20)
            if process.mode == "leaves":
                self.at(soon, lambda: process.jobs or self._say(process, m.Bye()))
            elif process.mode == "vanishes" or self._is_closed_by_another_crash(process):
                self.at(soon, lambda: self.exit(process, self.random.choice([0, 1, -11])))
            elif process.mode == "unreachable":
                self.at(soon, lambda: self.tell(ev.SendFailed(process.name, process.gen)))

    def _is_closed_by_another_crash(self, process: Process) -> bool:
        return self.workers[process.name].recent_crashes == 3

    def fell(self) -> None:
        """Something outside of hushd ends a process; by dice of its own, so that all else happens as without it."""
        if living := [process for process in self.processes.values() if process.alive and not process.doomed]:
            self.exit(self.others_dice.choice(living), -9)

    def _beat(self, process: Process) -> None:
        if process.alive and process.mode != "hangs":
            process.cpu += self.random.choice([0, 0, 0.5])
            self._say(process, beat(process, process.cpu))
            self.at(2, lambda: self._beat(process))

    def _kill(self, process: Process) -> None:
        stalled = self.workers[process.name].process.start_timed_out
        assert process.mode != "crawls" or not stalled, "a start that makes progress is killed"
        if stalled and process.mode == "turns":
            self.events.add("a load that turns in a circle is ended")
        process.doomed = True
        self.at(self.random.choice([0.0, 0.1, 7.0]), lambda: self.exit(process, -9))

    def exit(self, process: Process, status: int) -> None:
        if not process.alive:
            return
        process.alive = False
        self.cards.gone(process)
        own = status != -9 or process.doomed
        self.died_under.update(list(process.jobs) if own else ())
        self.tell(ev.Exited(process.name, process.gen, status, "last words"))
        if self.random.random() < 0.3:  # told twice, as by pidfd and SIGCHLD
            self.at(self.random.uniform(0, 5), lambda: self.tell(ev.Exited(process.name, process.gen, status)))

    def _to_worker(self, process: Process, message: m.Message) -> None:
        if isinstance(message, m.Job):
            assert process.ready, "a job before ready"
            assert not process.doomed, "a job for a doomed process"
            process.jobs[message.id] = message
            process.credit[message.id] = message.credit
            self._count(process)
            assert message.economy in (self.short, self.admission.level >= Level.WARNING), "wrong economy"
            if message.id in self.obeyed:
                self.events.add("a stopped job runs again")
            self.ran_on[message.id] = process
            self._work(process, message)
        elif isinstance(message, m.Drain):
            assert not process.jobs or not process.alive, "drained with work in hand"
            process.doomed = True
            if process.alive and process.mode not in ("ignores-drain", "hangs"):
                self.at(self.random.uniform(0, 4), lambda: self._say(process, m.Bye()))
        elif isinstance(message, m.Bye):
            status = self.random.choice([0, 0, 1, -11])  # destructors crash, which must not count
            self.at(0.01, lambda: self.exit(process, status if process.doomed else 0))
        elif isinstance(message, m.Cancel):
            process.cancelled.add(message.id)
            if process.alive and process.mode != "hangs" and self.random.random() < 0.5:
                self.at(self.random.random(), lambda: self._end(process, message.id, "cancelled"))
        elif isinstance(message, m.Credit):
            process.credit[message.id] += message.chunks
        elif isinstance(message, m.Chunk) and message.id in process.live:
            if message.last:
                self.at(0.1, lambda: self._end(process, message.id))
            else:
                self.at(2, lambda: self._say(process, m.Credit(id=message.id, chunks=1)))
        elif isinstance(message, m.Chunk) and not message.last and self.dice.random() < 0.8:  # it reads on
            self.at(self.dice.choice([0.0, 0.2]), lambda: self._read_on(process, message.id))

    def _read_on(self, process: Process, name: bytes) -> None:
        if process.alive and name in process.jobs:
            self._say(process, m.Credit(id=name, chunks=1))

    def _count(self, process: Process) -> None:
        """Files and sessions never take more than their places, but for those that were set aside."""
        running = jobs_of(self.workers[process.name]).running
        aside = sum(name in running and running[name].without_slot for name in process.jobs)
        sessions = sum(job.session for job in process.jobs.values())
        apart = sessions if process.sessions else 0
        if apart and apart < len(process.jobs):
            self.events.add("a session beside a file")
        assert apart <= process.sessions or not process.alive, "too many sessions"
        assert len(process.jobs) - apart - aside <= process.slots or not process.alive, "overbooked"

    def _work(self, process: Process, job: m.Job) -> None:
        r = self.random
        x = r.random()
        if job.id in self.poison:
            self.at(r.uniform(0, 1), lambda: self.exit(process, -11))
        elif process.mode == "hangs":
            pass
        elif job.session and job.input == "stream" and self.dice.random() < 0.5:
            process.live.add(job.id)
            self.at(0.01, lambda: self._say(process, m.Credit(id=job.id, chunks=8)))
        elif x < self.crashes:
            self.at(r.uniform(0, 3), lambda: self.exit(process, r.choice([1, -11])))
            self.at(r.uniform(2, 40), lambda: self._end(process, job.id))
        elif x < self.crashes + 0.05:
            pass  # stalls: beats, but neither output nor CPU time that rises for long
        elif x < self.crashes + 0.3:
            if job.input == "stream":
                self.at(0.01, lambda: self._say(process, m.Credit(id=job.id, chunks=8)))
            for n in range(r.randint(1, 12)):
                self.at(r.uniform(0, 3), lambda n=n: self._output(process, job, n))
            self.at(r.uniform(3, 25), lambda: self._end(process, job.id))
        elif x < self.crashes + 0.4:
            self.at(r.uniform(0, 2), lambda: self._end(process, job.id, "input_unreadable"))
        else:
            self.at(r.uniform(0, 5), lambda: self._end(process, job.id))

    def _output(self, process: Process, job: m.Job, number: int) -> None:
        if not (process.alive and job.id in process.jobs):
            return
        liar = self.random.random() < 0.01
        if self.random.random() < 0.3:
            self._say(process, m.Partial(id=job.id, seq=number, data={}))
        elif process.credit[job.id] > 0 or liar:
            process.credit[job.id] -= 1
            self._say(process, m.Chunk(id=job.id, seq=number))
        else:
            self._say(process, m.Progress(id=job.id, total=self.random.choice([0.0, 30.0])))

    def _end(self, process: Process, name: bytes, code: str = "") -> None:
        job = process.jobs.pop(name, None)
        if job is None:
            return
        if code == "cancelled":
            self.obeyed.add(name)
        if code:
            self._say(process, m.Error(id=name, code=code, message="No."))
        else:
            self._say(process, m.Result(id=name))

    # --- promises ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        self.promises.check()

    def quiet(self) -> None:
        """Nobody asks for anything for longer than anything is kept: requests end, and what may be freed is freed."""
        self.run(1200)
        assert not any(t.done for worker in self.workers.values() for t in jobs_of(worker).running.values())
        for person in self.people:
            for name, request in person.open.items():
                if request.op == "claim" and person.connected:
                    assert self.floor.has(person.route, name), "a claim was lost"
                elif person.connected and request.op != "control":
                    assert self.requests.has(person.route, name), "a request was lost"
                    request = next(each for each in self.requests.of(person.route) if each.id == name)
                    jobs = jobs_of(self.workers[request.worker])
                    held_up = jobs.queue.crowded(request.caller)  # by the client's own pauses
                    assert request.waits_for_client or held_up, f"a request hangs: {request}"

    def end(self) -> None:
        """Shuts down, twice in one of three runs, and checks that nothing and nobody was left behind."""
        if not self.left:
            self.tell(ev.Shutdown(renew=self.random.random() < 0.5))
        for _ in range(self.random.randrange(8)):
            if not self.left:
                self.person_does_something()
                self.run(self.random.choice([0, 0.1, 1]))
        if not self.left and self.random.random() < 0.3:
            self.run(1)
            if not self.left:
                self.tell(ev.Shutdown())
        self.run(60 + 2 + 5 + 7 + 7)
        assert self.left, [b.state for b in self.workers.values()]
        assert not any(p.alive for p in self.processes.values())
        for person in self.people:
            assert not (person.connected and person.open), f"never answered: {person.open}"
            assert all(count == 1 for count in person.ended.values())
        assert self.pool.deadline() is None
