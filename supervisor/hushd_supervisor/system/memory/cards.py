"""Probes the graphics cards in a short-lived process, since a driver loaded here would keep them awake."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from hushd_protocol import JsonObject
from hushd_protocol.cards import ANY_KIND, COUNTED, STAND_IN, Card
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.suggest import escaped
from hushd_schema import engines

from hushd_supervisor.core.actions import Action, ProbeCards
from hushd_supervisor.core.events import CardsProbed

from ..children import Children
from ..question import Answer, Questions
from ..source import REFUSALS, Outcome, Perform
from .measure import PLACE

PROBE_TIMEOUT_S = 5.0  # seconds for a driver to answer; a failed card's driver may never do
_DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
_MAX_CARDS = 64
_MAX_ERROR = 500  # characters
_TYPES = {"device": str, "id": str, "name": str, "total": int, "free": int, "asleep": bool}
_DEVICE = f"{COUNTED}:[0-9]{{1,2}}"


def there(environment: Mapping[str, str] = os.environ) -> bool:
    """Returns whether this machine has NVIDIA's driver; wakes no card, and takes 10 us."""
    return bool(environment.get(STAND_IN)) or any(map(os.path.exists, _DRIVERS))


def kinds(name: str) -> tuple[str, ...]:
    """Returns the kinds of graphics cards that the engine of worker `name` may be able to use."""
    role, engine, _ = name.split("/", 2)
    try:
        spec = engines.find(engine, role) if role in ENGINE_ROLES else None
    except REFUSALS:
        spec = None
    return spec.cards if spec else ANY_KIND


class CardProbes(Questions):
    """The probes of the cards, one at a time. Args as for `Questions`."""

    def __init__(self, children: Children, logs: Path) -> None:
        super().__init__(children, logs, _command, PROBE_TIMEOUT_S)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ProbeCards: self._begin}

    def _begin(self, _: ProbeCards) -> Iterable[Outcome]:
        """Begins a probe; returns the error if it cannot begin."""
        failed = self.ask("cards", time.monotonic())
        return (probed(failed),) if failed else ()

    def events(self, ready: Container[object], now: float) -> Iterator[CardsProbed]:
        return map(probed, self.answers(ready, now))


def _command(_: str) -> list[str]:
    return [sys.executable, "-P", "-m", "hushd_worker.card"]


def probed(answer: Answer) -> CardsProbed:
    """Returns the valid cards of an answer, or its error."""
    if answer.error:
        return CardsProbed(error=answer.error.rstrip("."))
    rows, error = answer.data.get("cards"), answer.data.get("error")
    seen = tuple(map(_card, filter(_is_card, rows[:_MAX_CARDS]))) if isinstance(rows, list) else ()
    return CardsProbed(seen, escaped(" ".join(error[:_MAX_ERROR].split())) if isinstance(error, str) else "")


def _card(row: JsonObject) -> Card:
    return Card(**(row | {"name": row["name"][:80] if row["name"].isprintable() else ""}))


def _is_card(row: object) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == _TYPES.keys()
        and all(type(row[key]) is kind for key, kind in _TYPES.items())
        and re.fullmatch(_DEVICE, row["device"]) is not None
        and re.fullmatch(PLACE, row["id"]) is not None
        and 0 <= row["free"] <= row["total"] < 1 << 60
    )
