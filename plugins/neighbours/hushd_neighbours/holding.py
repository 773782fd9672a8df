"""The models that a server reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_NAME = 200  # characters of a model's name
MAX_MODELS = 256  # of a server
_MAX_BYTES = 1 << 50  # more than any machine has
ANY_CARD = ""  # the card of a server that does not name it


class Failed(Exception):
    """A server did not do as requested; the text is one sentence."""


class Holding(NamedTuple):
    """A model in a server's memory.

    Attributes:
        ram: the bytes that its end frees, without mapped files, which the kernel may drop anyway.
        cards: the bytes by card, a place on the bus; `ANY_CARD` if the server does not name it.
        idle_s: the seconds since its last request; None if the server does not report them.
        in_use: whether it is working; None if the server does not report it.
        pinned: whether it must not or cannot be requested.
    """

    model: str
    ram: int = 0
    cards: Mapping[str, int] = {}
    idle_s: float | None = None
    in_use: bool | None = None
    pinned: bool = False

    @property
    def size(self) -> int:
        """All its bytes."""
        return self.ram + sum(self.cards.values())


def why_not(holding: Holding, idle_s: float) -> str:
    """Returns the reason why a model is not requested, by the setting `idle`; empty if it may be."""
    if holding.pinned:
        return "pinned"
    if holding.in_use:
        return "in use"
    if idle_s <= 0:
        return ""
    if holding.in_use is None or holding.idle_s is None:
        return 'its last use is not reported; idle = "0s" requests it anyway'
    return f"idle for less than {idle_s:.0f} s" if holding.idle_s < idle_s else ""


class Answer:
    """A server's answer, read strictly: a missing or wrong part is refused with one sentence."""

    def __init__(self, value: Any, asked: str) -> None:
        self.value = value
        self._asked = asked

    def rows(self, key: str) -> list[Answer]:
        """Returns the objects in the list under `key`."""
        rows = self._part(key, list)
        return [Answer(row, self._asked) for row in rows[:MAX_MODELS]]

    def row(self, key: str) -> Answer:
        """Returns the object under `key`."""
        return Answer(self._part(key, dict), self._asked)

    def name(self, key: str) -> str:
        """Returns the name under `key`, which can be shown in a line."""
        return self.named(self._part(key, str))

    def named(self, value: object) -> str:
        """Returns `value` if it is such a name."""
        if not isinstance(value, str) or not value or len(value) > MAX_NAME or not value.isprintable():
            raise self.wrong()
        return value

    def size(self, key: str) -> int:
        """Returns the bytes under `key`; 0 if it is missing."""
        value = self._part(key, int, 0)
        if not 0 <= value < _MAX_BYTES:
            raise self.wrong()
        return int(value)

    def text(self, key: str) -> str:
        """Returns the text under `key`; empty if it is missing."""
        return str(self._part(key, str, ""))

    def flag(self, key: str) -> bool:
        """Returns the truth value under `key`."""
        return bool(self._part(key, bool))

    def number(self, key: str) -> float:
        """Returns the finite number under `key`."""
        value = self._part(key, (int, float))
        if not math.isfinite(value):
            raise self.wrong()
        return float(value)

    def many(self, key: str) -> list[Any]:
        """Returns the list under `key`, with any items."""
        return list(self._part(key, list))

    def wrong(self) -> Failed:
        """Returns the refusal of the whole answer."""
        return Failed(f"The answer to {self._asked} is not from this kind of server.")

    def _part(self, key: str, kind: type | tuple[type, ...], usual: object = None) -> Any:
        value = self.value.get(key, usual) if isinstance(self.value, dict) else None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong()
        return value
