"""A hostile world in which two workers want the same card."""

from __future__ import annotations

import random
from typing import Any

from hushd_schema.settings import Settings

from .cards import Device
from .world import NAMES, Person, Process, World

RARE = ("no-hello", "no-ready", "dies", "hangs", "load-fails", "unreachable")  # ways to misbehave, seldom here


class CardWorld(World):
    """A `World` with one small card or two, a machine with room for what they hold, or for a part of it."""

    machines = (1 << 40, 1 << 40, 9_000_000_000)

    def __init__(self, seed: int) -> None:
        self.tastes = random.Random(f"{seed} cards")
        self.drawn = False  # whether its cards are
        super().__init__(seed)
        self.crashes = 0.02
        self.pauses = [0.1, 0.5, 1, 2, 5, 24]

    def settings(self, r: random.Random) -> Settings:
        if not self.drawn:
            size = self.tastes.choice([4, 7]) * 10**9
            self.cards.devices = [Device(f"0000:0{n}:00.0", size) for n in range(self.tastes.choice([1, 1, 2]))]
            self.drawn = True
        return self._on_cards(super().settings(r))

    def _on_cards(self, drawn: Settings) -> Settings:
        worker: dict[str, Any] = {name: dict(table) for name, table in drawn.worker.items()}
        worker[""] |= {
            "keep_alive": self.tastes.choice([60, -1]),
            "compute_device": self.tastes.choice(["auto", "cuda"]),
        }
        worker["tts"]["pinned"] = False
        return Settings(worker=worker, memory=drawn.memory, stt="a/x")

    def request(self, person: Person, **fields: Any) -> bytes:
        wanted = {
            "worker": self.tastes.choice(NAMES[:2]),
            "keep_alive": None,
            "deadline_ms": None,
        }
        return super().request(person, **wanted | {"input": "none", "session": False} | fields)

    def _begin(self, process: Process) -> None:
        if process.mode in RARE and self.tastes.random() < 0.8:
            process.mode = "ok"
        super()._begin(process)
