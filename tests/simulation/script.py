"""The script of a simulation: what clients do and what goes wrong, drawn from a seed, or written down; its outcome."""

from __future__ import annotations

import random
import signal
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

FAULTS = (
    "kill", "stop", "term", "disk", "clock", "late", "memory", "crash", "wire", "freeze", "signal", "short",
    "starve",
)  # fmt: skip
# Faults that are drawn apart: those of a few minutes, of one file, or of one moment.
RARE = ("card", "heavy", "hog", "newborn", "spot")
KINDS = (*FAULTS, *RARE, "points")  # `points`: those of `POINTS`
ACTS = {
    "hear": 6, "hear_stream": 4, "say": 5, "speak_aloud": 3, "preload": 1, "status": 1, "interrupt": 2, "rest": 4,
    "unload": 1, "long_rest": 1, "leave": 1, "hear_file": 2, "save": 4, "say_slowly": 1,
    "at_once": 2, "morning": 1, "give_up": 2, "shutdown": 0.2, "restart": 0.2, "hear_speakers": 2, "hear_live": 2,
}  # fmt: skip
TASKS = {
    "hear": 3, "hear_stream": 4, "hear_blocking": 2, "say": 3, "say_stream": 3, "preload": 1,
    "status": 1, "interrupt": 2, "rest": 3, "unload": 1, "leave": 1, "both": 6, "break_off": 8, "hurry": 5,
    "hear_file": 1, "save": 3, "shutdown": 0.2, "restart": 0.2,
}  # fmt: skip
# The points in product code, see `hushd_protocol`, at which it may take the rarer of two ways that are both right.
POINTS = (
    "answer goes to disk", "beat is late", "chunk in parts",
    "credit for one chunk", "departures wait", "exit waits", "exits before messages", "idle supervisor leaves",
    "lock is held for a moment", "loop wakes for nothing", "memory is not measured", "needs are not written",
    "old measure holds", "one message of clients", "one message of workers", "timers wait",
    "worker reads one message", "worker sends one message",
)  # fmt: skip
OPEN = 0.25  # the share of seeds in which a point may be taken,
TAKEN = 0.2  # and of the times that the code comes to it there
_SIGNALS = (signal.SIGHUP, signal.SIGIO)  # that a supervisor handles, and does not leave for
_SECONDS = (6.0, 15.0, 30.0, 60.0)  # until the last fault
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
    cut: tuple[int, ...] = ()  # the clients whose environment has no session's folder,
    apart: tuple[int, ...] = ()  # and those that have a folder of their own, as in a sandbox
    loops: tuple[int, ...] = ()  # the clients with an event loop
    points: tuple[str, ...] = ()  # in product code, at which it may take the rare way
    card: bool = False  # whether the machine has one
    room: int = 1 << 23  # bytes of an answer, and of a stream, for which clients have memory


class Outcome(NamedTuple):
    """The result of a simulation.

    Attributes:
        violations: of what must hold, as sentences; none is good.
        seconds: simulated.
        counts: of the ends of requests: `ok`, or the code of an error.
        settled: seconds after the last fault until every client had its answers.
        taken: how often each point in product code was taken.
    """

    digest: str
    violations: list[str]
    seconds: float
    counts: dict[str, int]
    settled: float = 0.0
    taken: dict[str, int] | None = None


def draw(seed: int, kinds: Collection[str] = KINDS) -> Script:
    """Draws a script, whose storm mostly ends before the clients have done all."""
    seconds = _dice("seconds", seed).choice(_SECONDS)
    dice = random.Random(f"script {seed}")
    count = dice.randint(2, 7)
    names, weights = list(ACTS), list(ACTS.values())
    lives = tuple(tuple(dice.choices(names, weights, k=dice.randint(4, 24))) for _ in range(count))
    cut = tuple(number for number in range(count) if dice.random() < 0.25)
    faults: list[tuple[Any, ...]] = []
    moment = dice.expovariate(1 / _APART_S)
    striking = _few(seed, sorted(set(kinds) & set(FAULTS)))
    while striking and moment < seconds:
        faults.append((round(moment, 3), *_fault(dice, dice.choice(striking))))
        moment += dice.expovariate(1 / _APART_S)
    faults = sorted([*faults, *_rare(seed, seconds, sorted(set(kinds) & set(RARE)))], key=lambda fault: fault[0])
    loops = tuple(number for number in range(count) if _dice("loops", seed, number).random() < 0.35)
    lives = tuple(_tasks(seed, number) if number in loops else life for number, life in enumerate(lives))
    apart = tuple(n for n in range(count) if n not in cut and _dice("apart", seed, n).random() < 0.1)
    dice = _dice("points", seed)
    points = tuple(point for point in POINTS if "points" in kinds and dice.random() < OPEN)
    room = _dice("room", seed).choice([1 << 23, 1 << 23, 4000, 0])
    card = _dice("card", seed).random() < 0.3
    return Script(seed, seconds, lives, tuple(faults), cut, apart, loops, points, card, room)


def _few(seed: int, kinds: list[str]) -> list[str]:
    """The kinds of faults that strike in a seed: all, or in a third of them some, of which others excuse nothing."""
    dice = _dice("few", seed)
    return dice.sample(kinds, min(len(kinds), dice.randint(1, 3))) if dice.random() < 0.35 else kinds


def _rare(seed: int, seconds: float, kinds: list[str]) -> list[tuple[Any, ...]]:
    """The faults of rare kinds, of which a seed has some or none."""
    dice = _dice("rare", seed)
    faults: list[tuple[Any, ...]] = []
    for kind in kinds:
        for _ in range(dice.choice([0, 0, 1, 3])):
            early = 6 if kind == "hog" else 1  # as most workers start for the first time
            faults.append((round(seconds * dice.random() ** early, 3), kind, *_rare_fault(dice, kind)))
    return faults


def _rare_fault(dice: random.Random, kind: str) -> tuple[Any, ...]:
    match kind:
        case "card":
            slow_s, taken = dice.choice([0.1, 1.3, 4.0, 60.0]), dice.choice([0, 0, 300, 900])
            return slow_s, taken, round(dice.expovariate(1 / 10.0), 3)
        case "heavy":
            return dice.choice([0.3, 1.0]), round(dice.expovariate(1 / 20.0), 3)
        case "hog":
            return (round(dice.uniform(3.0, 9.0), 3),)
        case "newborn":
            return (dice.choice([1, dice.randint(1, 100), dice.randint(1, 1000)]),)
        case "spot":
            error = dice.choice(["ENOSPC", "EIO", "EROFS", "EACCES", "EDQUOT"])
            return dice.choice(["lock", "log", "state"]), error, round(dice.expovariate(1 / 20.0), 3)
    raise ValueError(kind)


def _tasks(seed: int, number: int) -> tuple[str, ...]:
    """The acts of a client with an event loop."""
    dice = _dice("tasks", seed, number)
    return tuple(dice.choices(list(TASKS), list(TASKS.values()), k=dice.randint(4, 24)))


def _dice(what: str, *more: object) -> random.Random:
    return random.Random(" ".join(map(str, (what, *more))))


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
            error = dice.choice(["ENOSPC", "EIO", "EMFILE", "ENOENT"])
            return kind, error, dice.choice([0.02, 0.2, 1.0]), round(dice.expovariate(1 / 2.0), 3)
        case "clock":
            return kind, dice.choice([3600.0, -3600.0, 3e8, -3e8])
        case "late":
            return kind, dice.choice([0.5, 2.0, 9.0]), round(dice.expovariate(1 / 5.0), 3)
        case "memory":
            return kind, dice.choice([3000, 5000, 5900, 7600]), round(dice.expovariate(1 / 4.0), 3)
        case "crash":
            return kind, dice.choice([0.1, 0.5, 1.0]), round(dice.expovariate(1 / 3.0), 3)
        case "starve":
            target = target if target == "client" else "supervisor"
            return kind, target, which, round(dice.choice([3.0, 12.0, 45.0]) * dice.random(), 3)
        case "freeze":
            return kind, dice.choice([0.5, 3.0, 20.0])
        case "signal":
            number = dice.choice(_SIGNALS if target == "supervisor" else [signal.SIGINT])
            target = target if target == "supervisor" else "client"
            return kind, target, which, int(number), dice.choice([0, 1, dice.randint(1, 40), dice.randint(1, 400)])
        case "short":
            return kind, dice.choice([0.02, 0.2, 1.0]), round(dice.expovariate(1 / 3.0), 3)
        case "wire":
            return kind, round(dice.choice([0.01, 0.1, 0.5]), 3), round(dice.expovariate(1 / 4.0), 3)
    raise ValueError(kind)
