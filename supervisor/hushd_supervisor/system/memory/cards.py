"""Looks at the graphics cards by a short-lived process: here no driver is loaded, which would keep them awake."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import zmq

from hushd_supervisor.core.events import Described, Seen
from hushd_supervisor.core.memory.cards import Card

from ..describe import Descriptions
from ..process import Launch
from .measure import PLACE

LIMIT_S = 5.0  # for a driver to answer; one whose card has failed may never do
APART_S = 0.05  # from one look to the next
STAND_IN = "HUSHD_CARDS"  # names a file in the driver's place, for tests
_DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
_MOST = 64  # cards
_TYPES = {"device": str, "id": str, "name": str, "total": int, "free": int, "asleep": bool}
_DEVICE = re.compile("cuda:[0-9]{1,2}", re.ASCII)
_QUESTION = "cards"


def there(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this machine has a graphics card's driver; takes 10 us and wakes no card."""
    return bool(environment.get(STAND_IN)) or any(map(os.path.exists, _DRIVERS))


class CardLooks:
    """The looks at the cards, one at a time. Args as for `Descriptions`."""

    def __init__(self, poller: zmq.Poller, launch: Launch, logs: Path) -> None:
        self._children = Descriptions(poller, launch, logs, _command, LIMIT_S, APART_S)
        self.deadline = self._children.deadline
        self.close = self._children.close

    @property
    def busy(self) -> bool:
        """As that of `Descriptions`."""
        return self._children.busy

    def begin(self, now: float) -> Seen | None:
        """Begins a look; returns the error if it cannot begin."""
        failed = self._children.ask(_QUESTION, now)
        return seen(failed) if failed else None

    def answers(self, ready: Container[object], now: float) -> Iterator[Seen]:
        """Yields the answers; `ready` are readable descriptors."""
        yield from map(seen, self._children.answers(ready, now))


def _command(_: str) -> list[str]:
    return [sys.executable, "-P", "-m", "hushd_worker.card"]


def seen(described: Described) -> Seen:
    """The cards in an answer, as far as they make sense."""
    if described.error:
        return Seen(error=described.error.rstrip("."))
    rows = described.catalogue.get("cards")
    return Seen(tuple(map(_card, filter(_is_card, rows[:_MOST])))) if isinstance(rows, list) else Seen()


def _card(row: dict[str, Any]) -> Card:
    return Card(**(row | {"name": row["name"][:80] if row["name"].isprintable() else ""}))


def _is_card(row: object) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == _TYPES.keys()
        and all(type(row[key]) is kind for key, kind in _TYPES.items())
        and _DEVICE.fullmatch(row["device"]) is not None
        and PLACE.fullmatch(row["id"]) is not None
        and 0 <= row["free"] <= row["total"] < 1 << 60
    )
