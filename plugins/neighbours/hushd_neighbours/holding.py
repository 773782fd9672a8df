"""The models that a server reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MAX_MODEL_NAME_CHARACTERS = 200  # characters of a model's name
_MAX_HELD_BYTES = 1 << 50  # more than any machine has
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


def name_in(value: object) -> str:
    """Returns a model's name, which can be shown in a line; raises ValueError for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_MODEL_NAME_CHARACTERS or not value.isprintable():
        raise ValueError("no name")
    return value


def bytes_in(value: object) -> int:
    """Returns a size in bytes; raises ValueError for one that no machine has."""
    if type(value) is not int or not 0 <= value < _MAX_HELD_BYTES:
        raise ValueError("no size")
    return value
