"""Scripts that a seed draws."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from simulation.wire.conformance.by_hand import GREETING, NEVER, READY
from simulation.wire.conformance.play import Script


class _Drawn:
    """Draws a script."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        # Queues are small, or messages may be too large, or they come in bursts. Two of these at once leave too much
        # open: which of the messages under way are lost, or refused.
        self._style = self._chance.choice(("tight", "sized", "bursts"))
        self._steps: Script = []
        self._dealers: list[str] = []
        self._known: list[str] = []  # whose route the ROUTER has, in their order
        self._bare: list[str] = []
        self._count = 0
        self._actions: dict[Callable[[], None], float] = {
            self._join: 3,
            self._ask: 6,
            self._answer: 6,
            self._take: 5,
            self._burst: 4,
            self._fill: 2,
            self._kill: 1.5,
            self._close: 1.5,
            self._cut: 1.5,
            self._bare_one: 2,
        }

    def script(self) -> Script:
        chance = self._chance
        self._steps.append(("r", "open", "ROUTER", self._options()))
        self._steps.append(("r", "bind", "@a", {"given": chance.random() < 0.5}))
        self._join()
        for _ in range(chance.randrange(8, 25)):
            action = chance.choices(list(self._actions), list(self._actions.values()))[0]
            action()
        self._steps += [("r", "take"), *[(name, "take") for name in self._dealers], ("r", "close", 0), ("r", "leave")]
        return self._steps

    def _options(self) -> dict[str, Any]:
        chance = self._chance
        if self._style == "tight":
            return {"SNDHWM": chance.choice((1, 2, 3, 5, 10)), "RCVHWM": chance.choice((1, 2, 3, 5, 10))}
        return {"MAXMSGSIZE": chance.choice((100, 10_000))} if self._style == "sized" and chance.random() < 0.5 else {}

    def _frames(self) -> list[bytes]:
        chance = self._chance
        self._count += 1
        sizes = (0, 1, 10, 101, 255, 256, 3000, 8180, 8192, 20_000)
        rest = [bytes(chance.choice(sizes)) for _ in range(chance.choice((0, 0, 1, 1, 2, 5)))]
        return [str(self._count).encode(), *rest]

    def _join(self) -> None:
        if len(self._dealers) >= 5:
            return
        self._count += 1
        name = f"d{self._count}"
        options = {"RECONNECT_IVL": self._chance.choice((NEVER, NEVER, -1)), **self._options()}
        if self._chance.random() < 0.15:
            options["ROUTING_ID"] = self._chance.choice((b"a", b"b", name.encode()))
        self._steps += [
            (name, "open", "DEALER", options),
            (name, "connect", "@a"),
            (name, "send", [name.encode()]),
            ("r", "take"),
        ]
        self._dealers.append(name)
        self._known.append(name)

    def _ask(self) -> None:
        if self._dealers:
            self._steps.append((self._chance.choice(self._dealers), "send", self._frames()))

    def _answer(self) -> None:
        self._steps.append(("r", "send", self._frames(), {"to": self._chance.randrange(len(self._known) + 1)}))

    def _take(self) -> None:
        who = self._chance.choice(["r", "r", *self._dealers])
        self._steps.append((who, "take", *self._chance.choice(((), (1,), (3,)))))

    def _burst(self) -> None:
        if self._dealers and self._style == "bursts":
            name = self._chance.choice(self._dealers)
            self._steps.append([(name, "send", self._frames()) for _ in range(self._chance.randrange(2, 12))])

    def _fill(self) -> None:
        if self._style != "tight":
            return
        chance = self._chance
        self._count += 1
        payload = [str(self._count).encode(), bytes(chance.choice((3000, 20_000, 60_000)))]
        if chance.random() < 0.5 and self._dealers:
            name = chance.choice(self._dealers)
            self._steps += [(name, "fill", payload), ("r", "take")]
        else:
            self._steps += [
                ("r", "fill", payload, chance.randrange(len(self._known))),
                *[(name, "take") for name in self._dealers],
            ]

    def _kill(self) -> None:
        if self._dealers:
            name = self._dealers.pop(self._chance.randrange(len(self._dealers)))
            self._steps.append((name, "kill"))

    def _close(self) -> None:
        if self._dealers:
            name = self._dealers.pop(self._chance.randrange(len(self._dealers)))
            self._steps += [
                ("r", "take"),
                (name, "close", self._chance.choice((0, 2000))),
                ("r", "take"),
                (name, "leave"),
            ]

    def _cut(self) -> None:
        self._steps.append(("r", "cut", self._chance.randrange(len(self._known))))

    def _bare_one(self) -> None:
        chance = self._chance
        self._count += 1
        name = f"w{self._count}"
        said = GREETING + READY + b"\0\1x" + b"\1\1y\0\1z"
        self._steps += [(name, "raw_connect", "@a"), (name, "raw_write", said[: chance.randrange(len(said) + 1)])]
        if chance.random() < 0.3:
            self._steps += [(name, "raw_write", bytes(chance.randrange(256) for _ in range(chance.randrange(30))))]
        self._steps += [("r", "take"), (name, chance.choice(("raw_read", "raw_shut", "raw_close", "kill")))]


def drawn(seed: int) -> Script:
    """Returns the script of a seed."""
    return _Drawn(seed).script()
