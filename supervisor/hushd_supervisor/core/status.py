"""The state of memory in the answer to `status`, as far as the core knows it; `Worker.status` has the rows of
workers."""

from __future__ import annotations

from hushd_protocol.cards import Card
from hushd_schema.status import CardStatus, MemoryStatus

from .memory.admission import Admission
from .memory.budget import mb


def memory(admission: Admission, now: float) -> MemoryStatus:
    """The state of memory; changes nothing. The sum of the workers' memory is added where it is measured."""
    measured, limit, level = admission.measure(now)
    return MemoryStatus(
        budget_mb=mb(limit),
        used_mb=0.0,
        available_mb=mb(measured.available),
        reserve_mb=mb(measured.reserve),
        pressure=level.word,
        cards=tuple(_card(card, admission, now) for card in admission.cards.seen),
        cards_error=admission.cards.error,
    )


def _card(card: Card, admission: Admission, now: float) -> CardStatus:
    """The state of one of the cards: its free memory by the last probe, less the workers' part since."""
    taken = sum(use.cards.get(card.id, 0) for use in admission.uses(now))
    total = admission.cards.total(card)
    return CardStatus(
        device=card.device, id=card.id, name=card.name, asleep=card.asleep, total_mb=mb(total), used_mb=mb(taken),
        free_mb=mb(admission.cards.free_beside(card, taken)), budget_mb=mb(total),
        seen_s=round(admission.cards.seen_s(now), 1),
    )  # fmt: skip
