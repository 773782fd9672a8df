"""Other servers of the simulated machine: they hold most of its memory, and give it in every way there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .processes import MEGABYTE

if TYPE_CHECKING:
    from .world import World

# The modules that only a supervisor with neighbours loads.
PRODUCT = (
    "hushd_schema.settings.neighbours", "hushd_supervisor.core.neighbours.relief", "hushd_supervisor.system.neighbours",
    "simulation.programs.neighbours",
)  # fmt: skip
NAMED = {"ollama": "ollama", "swap": "llama-swap", "vllm": "vllm"}  # the kinds by name
SIZE = 1_700 * MEGABYTE  # of a model, of which each neighbour has one
WAYS = ("soon", "soon", "soon", "late", "partly", "lies", "fails", "hangs", "takes again", "dies", "nonsense", "floods")


class Neighbours:
    """The neighbours of a world; `held` are the bytes of each, `asleep` those whose model sleeps."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._machine = world.machine
        self.held = dict.fromkeys(NAMED, 0)
        self.asleep: set[str] = set()
        self.asked: dict[str, int] = {}

    def furnish(self) -> str:
        """Loads all models; returns the lines of the configuration."""
        for name in NAMED:
            self._load(name)
        tables = (f'[neighbours.{name}]\nkind = "{kind}"\nurl = "http://127.0.0.1:1"\n' for name, kind in NAMED.items())
        return "".join(tables)

    def _load(self, name: str) -> None:
        if name not in self.asleep:
            self._hold(name, SIZE)

    def _hold(self, name: str, size: int) -> None:
        self.held[name] = size
        self._machine.memory_neighbours = sum(self.held.values())

    def rest(self) -> None:
        """Ends all models: nobody uses them any more."""
        for name in NAMED:
            self._hold(name, 0)

    def lost(self, folder: Path) -> set[str]:
        """Returns those that sleep though no next supervisor would wake them."""
        record = folder / "home" / ".local" / "state" / "hushd" / "asleep.json"
        known = {name for name, _ in json.loads(record.read_text())} if record.exists() else set()
        return self.asleep - known

    # --- what their process asks -------------------------------------------------------------------------------------

    def way(self, question: str) -> str:
        """Draws how a question is answered."""
        self.asked[question] = self.asked.get(question, 0) + 1
        return "soon" if self._world.calm else self._machine.random.choice(WAYS)

    def holds(self, name: str) -> list[dict[str, Any]]:
        """The answer of a neighbour to a look."""
        model = {"model": "m", "ram": self.held[name], "cards": {}, "idle_s": 90.0, "in_use": False, "pinned": False}
        return [model] if self.held[name] and self._machine.random.random() < 0.9 else []

    def give(self, name: str, way: str) -> None:
        """Ends a model, or a part of it; somebody uses it again some time, perhaps at once."""
        if way != "lies":
            self._hold(name, self.held[name] // 2 if way == "partly" else 0)
            if NAMED[name] == "vllm":
                self.asleep.add(name)
        again_s = 0.05 if way == "takes again" else 5.0 + 40.0 * self._machine.random.random()
        self._machine.scheduler.later(again_s, lambda: self._world.calm or self._load(name))

    def wake(self, name: str) -> None:
        """Wakes a model, which takes memory again once somebody uses it."""
        self.asleep.discard(name)
