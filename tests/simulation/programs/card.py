"""The driver of the simulated card, and the short programs by which a supervisor asks it."""

from __future__ import annotations

import json
import time
from typing import Any

from hushd_worker import card

from ..card import PLACE, TOTAL

world: Any = None  # the simulation


class Driver:
    def ids(self) -> list[str]:
        return [PLACE]

    def asleep(self, id: str) -> bool:
        return False

    def name(self, id: str) -> str:
        return "simulated"

    def memory(self, id: str) -> tuple[int, int]:
        _wait()
        return TOTAL, world.card.look()

    def processes(self, id: str) -> dict[int, int]:
        taken: dict[int, int] = world.card.taken()
        return taken


def driver(_: str) -> Driver:
    return Driver()


def look(arguments: list[str]) -> None:
    print(json.dumps(card.probe()))


def _wait() -> None:
    waited = 0.0
    while waited < world.card.slow_s:
        time.sleep(0.1)
        waited += 0.1
