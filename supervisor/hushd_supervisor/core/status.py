"""The answer to `status`, as far as the core knows it: the rows of workers and the state of memory.

The records are imported when somebody asks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hushd_protocol.cards import Card
from hushd_protocol.names import base

from .memory.admission import Admission
from .memory.away import HELD_S
from .memory.budget import mb
from .worker.worker import Worker

if TYPE_CHECKING:
    from hushd_schema.status import CardStatus, MemoryStatus, WorkerStatus


def memory(admission: Admission, now: float) -> MemoryStatus:
    """The state of memory; changes nothing. The sum of the workers' memory is added where it is measured."""
    from hushd_schema.status import MemoryStatus

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
    from hushd_schema.status import CardStatus

    away_s = admission.away.left_s(now)
    taken = sum(worker.size for worker in admission.use.on_card(card.id, now))
    row = admission.cards.row(card, taken, now)
    kept_s = min(away_s, HELD_S) if away_s == math.inf else away_s or None
    budget_mb, kept_s = 0.0 if kept_s else row["total_mb"], None if kept_s is None else round(kept_s, 1)
    return CardStatus(device=card.device, id=card.id, name=card.name, budget_mb=budget_mb, kept_s=kept_s, **row)


def row(worker: Worker, need: int, now: float) -> WorkerStatus:
    """The row of a worker that needs `need` bytes; the sizes of its process are added where they are measured."""
    from hushd_schema.status import WorkerStatus

    role, engine, model = base(worker.name).split("/")
    return WorkerStatus(name=worker.name, role=role, engine=engine, model=model, need_mb=mb(need), **worker.row(now))
