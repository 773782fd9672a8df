"""The templates of a hostile world: they are refused, die, hang, and are gone late."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hushd_protocol.names import base
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.pressure import Level
from hushd_supervisor.core.standby import HAS_PROCESS, Phase

if TYPE_CHECKING:
    from .world import World

NAMES = ("stt/a", "stt/b", "tts/c")
SIZE = 60_000_000


@dataclass
class _Process:
    """A template's process."""

    name: str
    gen: int
    alive: bool = True
    ready: bool = False
    doomed: bool = False  # was dismissed
    size: int = SIZE


class Templates:
    """Plays all processes of templates, by dice of its own, so that all else happens as without them."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._dice = random.Random(f"templates {seed}")
        self._wanted = self._dice.random() < 0.5
        self.processes: dict[tuple[str, int], _Process] = {}

    def settings(self) -> tuple[str, ...]:
        """A value of `standby`."""
        return tuple(name for name in NAMES if self._wanted and self._dice.random() < 0.6)

    @property
    def size(self) -> int:
        """Bytes that the processes take."""
        return sum(process.size for process in self.processes.values() if process.alive)

    def act(self, action: do.Action) -> None:
        """Carries out what concerns templates."""
        match action:
            case do.Prepare(name, gen):
                self._prepare(name, gen)
            case do.Dismiss(name, gen):
                self._dismiss(self.processes[name, gen])
            case do.Spawn(worker, template=gen) if gen:
                (process,) = (process for process in self.processes.values() if process.gen == gen)
                assert process.name == base(worker).rpartition("/")[0], "of another engine"
                assert process.ready, "forked from a template that is not ready"
                assert not process.doomed, "forked from a template that leaves"
                self._world.events.add("a worker is forked from a template")
                if self._dice.random() < 0.1:  # the fork fails, and the loop starts the worker without it
                    self._exits(process, "it did not answer")

    def _prepare(self, name: str, gen: int) -> None:
        world, pool = self._world, self._world.pool
        assert not any(p.alive for p in self.processes.values() if p.name == name), "a second template"
        assert not pool._departure.down, "a template while leaving"
        assert not pool._departure.renewing, "a template while making way"
        assert pool._admission.level is Level.NORMAL, "a template under pressure"
        taken = world.taken() + SIZE
        assert taken <= 0.8 * world.total, "more than the budget"
        process = self.processes[name, gen] = _Process(name, gen)
        fate = self._dice.choice(["ok"] * 5 + ["dies", "refused", "hangs", "no-spawn", "vanishes"])
        soon = self._dice.uniform(0.1, 3)
        if fate == "no-spawn":
            self._exits(process, "no process")
        elif fate == "refused":
            world.at(soon, lambda: self._exit(process, "No.", final=True))
        elif fate == "dies":
            world.at(soon, lambda: self._exit(process, "it died"))
        elif fate != "hangs":
            world.at(soon, lambda: self._ready(process, fate))

    def _ready(self, process: _Process, fate: str) -> None:
        if process.alive and not self._world.left:
            process.ready = True
            self._tell(ev.TemplateReady(process.name, process.gen, process.size))
            if fate == "vanishes":
                self._world.at(self._dice.uniform(1, 20), lambda: self._exit(process, "it died"))

    def _dismiss(self, process: _Process) -> None:
        assert process.alive or not process.doomed, "dismissed twice"
        process.doomed = True
        self._world.events.add("a template makes room")
        self._world.at(self._dice.choice([0.0, 0.1, 7.0]), lambda: self._exit(process, "killed"))

    def _exits(self, process: _Process, reason: str) -> None:
        self._world.at(0, lambda: self._exit(process, reason))

    def _exit(self, process: _Process, reason: str, final: bool = False) -> None:
        if process.alive:
            process.alive = False
            self._tell(ev.TemplateGone(process.name, process.gen, reason, final))
            self._tell(ev.TemplateGone(process.name, process.gen, reason))  # twice
            self._tell(ev.TemplateReady(process.name, process.gen, SIZE))  # late

    def _tell(self, event: ev.Event) -> None:
        if not self._world.left:
            self._world.tell(event)

    def check(self) -> None:
        """A template has at most one process, is known while it has one, and none stays under pressure."""
        pool = self._world.pool
        for name, template in pool._fleet.standby._templates.items():
            live = [p for p in self.processes.values() if p.name == name and p.alive]
            assert len(live) <= 1
            assert bool(live) <= (template.phase in HAS_PROCESS), f"{template.phase} with a process"
            stays = template.phase in (Phase.STARTING, Phase.READY)
            assert not (stays and pool._admission.level > Level.NORMAL), "a template under pressure"
