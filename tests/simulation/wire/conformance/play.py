"""Plays a script on a side, and writes down what each party saw after each step.

A script is a list of steps: `(party, method, values, options)`, or a list of such that are done at once; `wait` and
`kill` are the side's own. After each step all comes to rest, so that the order of what follows is libzmq's, and not
chance's. Within steps done at once the events of a party are compared as a set, and so are a ROUTER's messages of
different connections: nothing is promised of their order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

Step = tuple[Any, ...]
Script = list[Step | list[Step]]
MANY = 1
AGAIN = ["CLOSED"], ["CONNECT_RETRIED"]


class Side(Protocol):
    """One of `sides`."""

    folder: Path

    @property
    def names(self) -> list[str]: ...
    def call(self, name: str, method: str, *values: Any, **options: Any) -> Any: ...
    def settle(self) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def kill(self, name: str) -> None: ...
    def close(self) -> None: ...


def play(side: Side, script: Script, folder: str) -> list[object]:
    """Returns all that was seen. `@` at the beginning of a value stands for the folder."""
    seen: list[object] = []
    repeated: dict[str, list[object]] = {}
    for number, step in enumerate(script):
        steps = step if isinstance(step, list) else [step]
        for name, method, *_ in steps:
            if method in ("send", "flood"):
                side.call(name, "look")  # for else it may not have looked at its mailbox for a millisecond
                side.settle()
        outcomes = [_do(side, each, folder) for each in steps]
        side.settle()
        seen.append([number, outcomes])
        for name in side.names:
            told = side.call(name, "events")
            if told := _once(told if len(steps) == 1 else sorted(told, key=repr), repeated.setdefault(name, [])):
                seen.append([number, name, told])
    return seen


def _do(side: Side, step: Step, folder: str) -> object:
    name, method, *values = step
    if method == "wait":
        side.wait(*values)
        return None
    if method == "kill":
        side.kill(name)
        return None
    if method == "fill":
        return _fill(side, name, *values)
    if method == "take":
        return _take(side, name, *values)
    options = values.pop() if values and isinstance(values[-1], dict) else {}
    values = [f"{folder}/{value[1:]}" if isinstance(value, str) and value[:1] == "@" else value for value in values]
    return side.call(name, method, *values, **options)


def _fill(side: Side, name: str, frames: list[bytes], to: int | None = None) -> object:
    """Sends until that is refused although nothing is under way; returns how often it was not, and why then."""
    total = 0
    while True:
        side.call(name, "look")
        side.settle()
        side.call(name, "look")  # a send itself heeds what came since no more than once in a millisecond
        count, outcome = side.call(name, "flood", 5000, frames, to)
        total += count
        if not count or outcome not in ("ok", "again"):
            return Filled(total, outcome)


class Filled(list[object]):
    """The outcome of a `fill`; how many messages it takes is a matter of the sizes of libzmq's writes."""

    def __init__(self, count: int, outcome: str) -> None:
        super().__init__(["some" if count else "none", outcome])
        self.count = count


def _take(side: Side, name: str, most: int | None = None) -> list[object]:
    """Takes all messages, also those for which there is room only then; or at most `most` at once.

    Many of a kind, as `fill` sends them, count as one.
    """
    if most is not None:
        return list(side.call(name, "take", most))
    taken: list[object] = []
    while more := side.call(name, "take"):
        taken += more
        side.settle()
    return [message for place, message in enumerate(taken) if place < MANY or message != taken[place - MANY]]


def _once(events: list[list[object]], repeated: list[object]) -> list[list[object]]:
    """Leaves of the attempts to connect again only the first: how many there are is a matter of time."""
    left = []
    for event in events:
        if event not in AGAIN:
            repeated.clear()
        elif AGAIN[-1] in repeated:
            continue
        else:
            repeated.append(event)
        left.append(event)
    return left
