"""The script of a simulation: what clients do and what goes wrong, drawn from a seed, or written down."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

FAULTS = ("kill", "stop", "term", "disk", "clock", "late", "memory", "crash", "wire", "freeze")
ACTS = {
    "hear": 6, "hear_stream": 4, "say": 5, "speak_aloud": 3, "preload": 1, "status": 1, "interrupt": 2, "rest": 4,
    "unload": 1, "long_rest": 1, "leave": 1,
}  # fmt: skip
_APART_S = 4.0  # between two faults, in the mean


@dataclass(frozen=True)
class Script:
    """All that a simulation needs besides the product.

    Attributes:
        seed: of the scheduler, the network and each client's own dice.
        seconds: until the last fault.
        clients: the acts of each.
        faults: each with its time, its kind and how it goes.
    """

    seed: int
    seconds: float = 60.0
    clients: tuple[tuple[str, ...], ...] = ()
    faults: tuple[tuple[Any, ...], ...] = ()
    cut: tuple[int, ...] = field(default=())  # the clients whose environment has no session's folder

    def __str__(self) -> str:
        """As Python, at most twenty lines if it was made small."""
        lines = [f"Script({self.seed}, {self.seconds!r}, ("]
        lines += [f"    {acts!r}," for acts in self.clients]
        lines += ["), ("]
        lines += [f"    {fault!r}," for fault in self.faults]
        return "\n".join([*lines, f"), cut={self.cut!r})"])


def draw(seed: int, seconds: float = 60.0, kinds: Collection[str] = FAULTS, clients: int | None = None) -> Script:
    """Draws a script."""
    dice = random.Random(f"script {seed}")
    count = clients or dice.randint(2, 7)
    names, weights = list(ACTS), list(ACTS.values())
    lives = tuple(tuple(dice.choices(names, weights, k=dice.randint(4, 24))) for _ in range(count))
    cut = tuple(number for number in range(count) if dice.random() < 0.25)
    faults: list[tuple[Any, ...]] = []
    moment = dice.expovariate(1 / _APART_S)
    while kinds and moment < seconds:
        faults.append((round(moment, 3), *_fault(dice, dice.choice(sorted(kinds)))))
        moment += dice.expovariate(1 / _APART_S)
    return Script(seed, seconds, lives, tuple(faults), cut)


def _fault(dice: random.Random, kind: str) -> tuple[Any, ...]:
    target = dice.choice(["worker", "worker", "supervisor", "client"])
    which = dice.randrange(100)
    match kind:
        case "kill":
            return kind, target, which, dice.choice([0, 0, 1, dice.randint(1, 40), dice.randint(1, 400)])
        case "stop":
            return kind, target, which, round(dice.choice([0.1, 1.0, 3.0, 8.0]) * dice.random(), 3)
        case "term":
            return kind, "supervisor", which
        case "disk":
            error = dice.choice(["ENOSPC", "EIO", "EMFILE"])
            return kind, error, dice.choice([0.02, 0.2, 1.0]), round(dice.expovariate(1 / 2.0), 3)
        case "clock":
            return kind, dice.choice([3600.0, -3600.0, 3e8, -3e8])
        case "late":
            return kind, dice.choice([0.5, 2.0, 9.0]), round(dice.expovariate(1 / 5.0), 3)
        case "memory":
            return kind, dice.choice([3000, 5000, 5900]), round(dice.expovariate(1 / 4.0), 3)
        case "crash":
            return kind, dice.choice([0.1, 0.5, 1.0]), round(dice.expovariate(1 / 3.0), 3)
        case "freeze":
            return kind, dice.choice([0.5, 3.0, 20.0])
        case "wire":
            return kind, round(dice.choice([0.01, 0.1, 0.5]), 3), round(dice.expovariate(1 / 4.0), 3)
    raise ValueError(kind)


def smaller(script: Script) -> list[Script]:
    """The scripts that lack a part of this one: halves first, then single parts."""
    tries = []
    for size in _sizes(len(script.faults)):
        for start in range(0, len(script.faults), size):
            tries.append(replace(script, faults=script.faults[:start] + script.faults[start + size :]))
    for number, acts in enumerate(script.clients):
        if acts:
            tries.append(_with(script, number, ()))
        for size in _sizes(len(acts)):
            for start in range(0, len(acts), size):
                tries.append(_with(script, number, acts[:start] + acts[start + size :]))
    if script.clients and not script.clients[-1]:
        tries.append(replace(script, clients=script.clients[:-1]))
    return tries


def _sizes(count: int) -> list[int]:
    sizes = []
    while count > 1:
        count = (count + 1) // 2
        sizes.append(count)
    return sizes or [1] * bool(count)


def _with(script: Script, number: int, acts: tuple[str, ...]) -> Script:
    clients = list(script.clients)
    clients[number] = acts
    return replace(script, clients=tuple(clients))
