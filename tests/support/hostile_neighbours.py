"""A hostile world with neighbours, which give late, partly, not at all, twice, or take their memory again at once."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hushd_protocol.light_dataclass import replace
from hushd_schema.settings import Settings
from hushd_schema.settings.neighbours import NeighbourSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.neighbours.efforts import LIMIT_S, Neighbours
from hushd_supervisor.core.neighbours.holds import Hold, Key
from hushd_supervisor.core.worker.lifecycle import ROOM_S
from hushd_supervisor.core.worker.states import State

from .hostile_world import World

NAMED = {
    "ollama": NeighbourSettings("ollama", "http://127.0.0.1:11434"),
    "swap": NeighbourSettings("llama-swap", "http://127.0.0.1:8080", 0.0),
    "vllm": NeighbourSettings("vllm", "http://127.0.0.1:8000", 5.0),
}
WAYS = ("soon", "soon", "soon", "late", "partly", "not at all", "refuses", "no answer", "twice", "takes again", "asks")


@dataclass
class Model:
    """A neighbour's model; `ram` and `vram` are what it holds now, of what it takes when it is loaded."""

    whole_ram: int
    whole_vram: int
    card: str
    pinned: bool = False
    reports: bool = True
    ram: int = 0
    vram: int = 0
    used_at: float = 0.0
    works_until: float = 0.0
    asleep: bool = False
    wakes: int = 0  # how often it was told to wake


class NeighbourlyWorld(World):
    """A `World` with three neighbours, by dice of their own."""

    def __init__(self, seed: int) -> None:
        self.fate = random.Random(seed + 5_000_000)
        self.models: dict[Key, Model] = {}
        self.recorded: set[Key] = set()  # that the next supervisor would wake
        self.told: dict[Key, Hold] = {}  # what each was last said to be
        self.asked: dict[int, tuple[object, set[Key]]] = {}  # by effort, which is kept: what was asked for it
        super().__init__(seed)
        r = self.fate
        self.total = r.choice([900_000_000, 500_000_000])
        cards = [device.id for device in self.cards.devices] or [""]
        for name in NAMED:
            for number in range(r.choice([0, 1, 2])):
                ram, vram = int(self.total * r.choice([0.1, 0.4, 0.7])), r.choice([0, 2, 6]) * 10**9
                pinned, reports = r.random() < 0.1, r.random() < 0.7
                self.models[name, f"m{number}"] = model = Model(ram, vram, r.choice([*cards, ""]), pinned, reports)
                self._load(model)

    def settings(self, r: random.Random) -> Settings:
        return replace(super().settings(r), neighbours=NAMED)

    def memory(self) -> Memory:
        total, available = super().memory()
        return Memory(total, max(0, available - sum(model.ram for model in self.models.values())))

    @property
    def neighbours(self) -> Neighbours:
        relief = self.pool._admission.relief
        assert relief is not None
        return relief.neighbours

    # --- what they hold ----------------------------------------------------------------------------------------------

    def _load(self, model: Model) -> None:
        """Somebody uses it."""
        if not model.asleep:
            self._hold(model, model.whole_ram, model.whole_vram)
            model.used_at, model.works_until = self.now, self.now + self.fate.choice([0, 0, 1, 20])

    def _hold(self, model: Model, ram: int, vram: int) -> None:
        for device in self.cards.devices:
            if device.id == (model.card or self.cards.devices[0].id):
                device.neighbours += vram - model.vram
        model.ram, model.vram = ram, vram

    def person_does_something(self) -> None:
        for model in self.models.values():
            if self.fate.random() < 0.1:
                self._load(model)
        super().person_does_something()

    # --- what they are asked -----------------------------------------------------------------------------------------

    def _act(self, actions: list[do.Action]) -> None:
        for action in actions:
            match action:
                case do.RememberAsleep(asleep):
                    self.recorded = set(asleep)
                case do.AskNeighbour("look", until):
                    self._look(until)
                case do.AskNeighbour("give", until, name, model):
                    self._check_request((name, model))
                    self._give((name, model), until)
                case do.AskNeighbour("wake", until, name, model):
                    self._wake((name, model), until)
        super()._act(actions)

    def _answer(self, delay: float, until: float, event: ev.FromNeighbour) -> None:
        """An answer comes, or at the end of its time the process's that there is none."""

        def tell() -> None:
            if not self.left:
                self.tell(event)

        if self.now + delay < until:
            self.at(delay, tell)
        else:
            late = replace(event, holds=(), sleeps=False, error="It has not answered in time.")
            self.at(until - self.now, lambda: None if self.left else self.tell(late))

    def _look(self, until: float) -> None:
        assert until <= self.now + LIMIT_S + 1e-6
        last = 0.0
        for name in NAMED:
            delay = self.fate.choice([0.0, 0.1, 0.3, 0.3, 2.0, 99.0])
            last = max(last, delay)
            self.at(min(delay, 20), lambda name=name, until=until: self._tell_all(name, until))
        self._answer(last + 0.01, until, ev.FromNeighbour("look"))

    def _tell_all(self, name: str, until: float) -> None:
        if self.left or self.now >= until:
            return
        holds = []
        for (neighbour, model), it in self.models.items():
            if neighbour == name and (it.ram or it.vram):
                in_use = self.now < it.works_until if it.reports else None
                idle = self.now - it.used_at if it.reports else None
                cards = {it.card: it.vram} if it.vram else {}
                holds.append(Hold(name, model, it.ram, cards, idle, in_use, it.pinned))
        self.told |= {hold.key: hold for hold in holds}
        error = "It is gone." if self.fate.random() < 0.1 else ""
        self.tell(ev.FromNeighbour("look", name, holds=() if error else tuple(holds), error=error))

    def _check_request(self, key: Key) -> None:
        hold = self.told[key]
        idle = NAMED[key[0]].idle
        assert not hold.pinned, "a pinned model"
        assert not hold.in_use, "a model in use"
        assert idle == 0 or (hold.in_use is False and hold.idle_s is not None and hold.idle_s >= idle), "not idle"
        assert key[0] != "vllm" or key in self.recorded, "put to sleep without a record"
        assert not self.pool._departure.down, "asked while leaving"
        for effort in self.neighbours._efforts.values():
            if key in effort.requests:
                _, before = self.asked.setdefault(id(effort), (effort, set()))
                assert key not in before, "asked twice for one start"
                before.add(key)
        self.events.add("a neighbour is asked")

    def _give(self, key: Key, until: float) -> None:
        way, model, sleeps = self.fate.choice(WAYS), self.models[key], key[0] == "vllm"
        done = ev.FromNeighbour("give", *key, sleeps=sleeps)
        delay = self.fate.uniform(5, 11) if way == "late" else self.fate.uniform(0, 2)
        self.events.add(f"a neighbour gives: {way}")
        if way in ("refuses", "no answer"):
            return self._answer(99 if way == "no answer" else delay, until, replace(done, sleeps=False, error="No."))
        if way == "asks":  # whoever it is wants memory itself, at the same moment
            self.at(0.0, self._ask_back)
        left = 0.5 if way == "partly" else 1.0 if way == "not at all" else 0.0
        wakes = model.wakes
        self.at(delay, lambda: self._shrink(model, left, sleeps and not left and model.wakes == wakes))
        self._answer(delay + self.fate.choice([0.0, 0.5]), until, done)
        if way == "twice":
            self._answer(delay + 1, until, done)
        if way == "takes again":
            self.at(delay + 0.05, lambda: self._load(model))

    def _shrink(self, model: Model, left: float, asleep: bool) -> None:
        if self.now >= model.works_until or left:
            self._hold(model, int(model.ram * left), int(model.vram * left))
            model.asleep = model.asleep or asleep

    def _ask_back(self) -> None:
        here = [person for person in self.people if person.connected]
        if here and not self.left:
            self.control(self.fate.choice(here), "unload", [])

    def _wake(self, key: Key, until: float) -> None:
        wakes, model = self.fate.random() < 0.7, self.models[key]
        if wakes:  # after all that it was told before, which it may still have to do
            model.asleep, model.wakes = False, model.wakes + 1
        self._answer(0.2, until, ev.FromNeighbour("wake", *key, error="" if wakes else "No."))
        self.events.add("what sleeps is woken" if wakes else "what sleeps does not wake")

    # --- promises ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        super().check()
        workers, lost = self.pool._workers, {key for key, model in self.models.items() if model.asleep} - self.recorded
        assert not lost or "what sleeps does not wake" in self.events, "nobody will wake what sleeps"
        for name, effort in self.neighbours._efforts.items():
            assert workers[name].state is State.WAITING, "asked for nobody"
            assert effort.over or self.now <= effort.until + ROOM_S, "a start waits longer than its bound"
            if workers[name].lifecycle.hope.startswith("waiting for "):
                self.events.add("a client reads for whom it waits")

    def quiet(self) -> None:
        super().quiet()
        living = {name for name, worker in self.pool._workers.items() if worker.state.has_process}
        for sleeper in self.neighbours.sleepers._sleepers.values():
            assert sleeper.workers & living or self.left, "it sleeps for nobody"
