"""The state of the machine's memory and its cards, as `status` reports it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from hushd_protocol.cards import Card

from .away import HELD_S
from .budget import Resident
from .cards import Cards
from .pressure import Level


class CardStanding(NamedTuple):
    """The state of a graphics card, for `status`."""

    card: Card  # as last seen
    seen_s: float  # seconds since then
    total: int  # bytes, 0 if it has always slept
    free: int  # by that look, less the bytes that workers have taken since
    workers: int  # bytes that workers take of it now
    limit: int  # bytes that they may take
    kept_s: float | None  # seconds for which it is still reserved for other programs


class Standing(NamedTuple):
    """The state of memory, for `status`; sizes in bytes."""

    limit: int  # for all workers together
    available: int
    reserve: int  # the part of it reserved for other programs
    level: Level
    cards: tuple[CardStanding, ...] = ()  # at the last look
    cards_error: str = ""  # why that look failed


def of_card(card: Card, cards: Cards, residents: Iterable[Resident], away_s: float, now: float) -> CardStanding:
    """The state of one of the cards, of which `residents` take memory; workers keep away from it for `away_s`."""
    taken = sum(resident.size for resident in residents)
    total = cards.total(card)
    free = (total if card.asleep else card.free) + cards.taken.get(card.id, 0) - taken
    kept_s = min(away_s, HELD_S) if away_s == math.inf else away_s or None
    return CardStanding(
        card,
        now - cards.answered_at,
        total,
        min(total, max(0, free)),
        taken,
        0 if kept_s else total,
        kept_s,
    )
