"""The models that a server says it holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST = 200  # characters of a model's name
MOST = 256  # models of a server
_LARGEST = 1 << 50  # bytes; nobody has more
ANY_CARD = ""  # the card of a server that does not say which one it means


class Failed(Exception):
    """A server did not do what it was asked; the text is one sentence."""


class Holding(NamedTuple):
    """A model in a server's memory.

    Attributes:
        ram: bytes that its end gives back; without mapped files, which the kernel may drop anyhow.
        cards: bytes by card, by its place on the bus; `ANY_CARD` where the server does not name it.
        idle_s: seconds since its last request; None where the server does not report it.
        in_use: whether it works now; None where the server does not report it.
        pinned: whether it must not or cannot be asked for.
        reload_s: seconds to load it again; None where unknown.
    """

    model: str
    ram: int = 0
    cards: Mapping[str, int] = {}
    idle_s: float | None = None
    in_use: bool | None = None
    pinned: bool = False
    reload_s: float | None = None


def why_not(holding: Holding, idle_s: float) -> str:
    """The reason for which a model is not asked for, by the setting `idle`; empty if it may be."""
    if holding.pinned:
        return "pinned"
    if holding.in_use:
        return "in use"
    if idle_s <= 0:
        return ""
    if holding.in_use is None or holding.idle_s is None:
        return 'its last use is not reported; idle = "0s" has it asked'
    return f"idle for less than {idle_s:.0f} s" if holding.idle_s < idle_s else ""


class Answer:
    """A server's answer, read strictly: a part that lacks or has another type is refused by one sentence."""

    def __init__(self, value: Any, asked: str) -> None:
        self.value = value
        self._asked = asked

    def rows(self, key: str) -> list[Answer]:
        """The objects in the list under `key`."""
        rows = self._part(key, list)
        return [Answer(row, self._asked) for row in rows[:MOST]]

    def row(self, key: str) -> Answer:
        """The object under `key`."""
        return Answer(self._part(key, dict), self._asked)

    def name(self, key: str) -> str:
        """The name under `key`, one that can be shown in a line."""
        return self.named(self._part(key, str))

    def named(self, value: object) -> str:
        """Returns `value` if it is such a name."""
        if not isinstance(value, str) or not value or len(value) > LONGEST or not value.isprintable():
            raise self.wrong()
        return value

    def size(self, key: str) -> int:
        """The bytes under `key`; 0 where it is missing."""
        value = self._part(key, int, 0)
        if not 0 <= value < _LARGEST:
            raise self.wrong()
        return int(value)

    def text(self, key: str) -> str:
        """The text under `key`; empty where it is missing."""
        return str(self._part(key, str, ""))

    def flag(self, key: str) -> bool:
        """The truth value under `key`."""
        return bool(self._part(key, bool))

    def number(self, key: str) -> float:
        """The finite number under `key`."""
        value = self._part(key, (int, float))
        if not math.isfinite(value):
            raise self.wrong()
        return float(value)

    def many(self, key: str) -> list[Any]:
        """The list under `key`, of anything."""
        return list(self._part(key, list))

    def wrong(self) -> Failed:
        """The refusal of the whole answer."""
        return Failed(f"The answer to {self._asked} is none of this kind of server.")

    def _part(self, key: str, kind: type | tuple[type, ...], usual: object = None) -> Any:
        value = self.value.get(key, usual) if isinstance(self.value, dict) else None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong()
        return value
