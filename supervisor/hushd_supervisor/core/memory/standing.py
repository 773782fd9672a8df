"""The state of the machine's memory and of its cards', as `status` reports it."""

from __future__ import annotations

from typing import NamedTuple

from hushd_protocol.cards import Card

from .pressure import Level


class CardStanding(NamedTuple):
    """The state of a graphics card, for `status`."""

    card: Card  # when it was last seen,
    seen_s: float  # so many seconds ago
    total: int  # bytes, 0 where it has slept all the time
    free: int  # by that look, less what workers have taken since
    workers: int  # bytes that workers take of it now
    kept_s: float | None  # for how long it is kept for other programs


class Standing(NamedTuple):
    """The state of memory, for `status`; sizes in bytes."""

    limit: int  # for all workers together
    available: int
    reserve: int  # of that, kept for all other programs
    level: Level
    cards: tuple[CardStanding, ...] = ()  # at the last look
