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
from .worker.states import State
from .worker.worker import Worker

if TYPE_CHECKING:
    from hushd_schema.status import CardStatus, MemoryStatus, WorkerStatus

_MAX_NAMED_PROGRAMS = 4  # named in the row of a worker
_MAX_TEXT_CHARACTERS = 300  # characters of a worker's own text


def memory(admission: Admission, now: float) -> MemoryStatus:
    """The state of memory; changes nothing. The sum of the workers' memory is added where it is measured."""
    from hushd_schema.status import MemoryStatus

    measured, level = admission.measure(now)
    return MemoryStatus(
        budget_mb=mb(admission.budget.limit(measured)),
        used_mb=0.0,
        available_mb=mb(measured.available),
        reserve_mb=mb(measured.reserve),
        pressure=level.word,
        cards=tuple(_card(card, admission, now) for card in admission.cards.seen),
        cards_error=admission.cards.error,
    )


def _card(card: Card, admission: Admission, now: float) -> CardStatus:
    """The state of one of the cards: its free memory by the last look, less the workers' part since."""
    from hushd_schema.status import CardStatus

    cards, away_s = admission.cards, admission.away.left_s(now)
    taken = sum(worker.size for worker in admission.use.on_card(card.id, now))
    total = cards.total(card)
    free = (total if card.asleep else card.free) + cards.taken.get(card.id, 0) - taken
    kept_s = min(away_s, HELD_S) if away_s == math.inf else away_s or None
    return CardStatus(
        device=card.device,
        id=card.id,
        name=card.name,
        total_mb=mb(total),
        free_mb=mb(min(total, max(0, free))),
        used_mb=mb(taken),
        budget_mb=0.0 if kept_s else mb(total),
        asleep=card.asleep,
        seen_s=round(now - cards.answered_at, 1),
        kept_s=None if kept_s is None else round(kept_s, 1),
    )


def mb(size: float) -> float:
    """Bytes in MB, as the status has them."""
    return round(size / 1e6, 1)


def _programs(worker: Worker) -> tuple[str, ...]:
    """The programs whose requests run or wait."""
    requests = (*worker.jobs.running.values(), *worker.jobs.waiting)
    return tuple(dict.fromkeys(request.program for request in requests))[:_MAX_NAMED_PROGRAMS]


def row(worker: Worker, need: int, now: float) -> WorkerStatus:
    """The row of a worker that needs `need` bytes; the sizes of its process are added where they are measured."""
    from hushd_schema.status import WorkerStatus

    role, engine, model = base(worker.name).split("/")
    rests = worker.state in (State.READY, State.SUSPENDED)
    idle = worker.process.idle_since if rests else None
    expiry = worker.lifecycle.rests_until if rests else math.inf
    return WorkerStatus(
        name=worker.name,
        role=role,
        engine=engine,
        model=model,
        state=worker.state.value,
        pid=None,
        rss_mb=None,
        pss_mb=None,
        peak_rss_mb=None,
        private_mb=None,
        mapped_mb=None,
        peak_mb=mb(worker.process.peak) if worker.state.has_process else None,
        idle_s=None if idle is None else round(now - idle, 1),
        expires_in_s=None if expiry == math.inf else round(max(0.0, expiry - now), 1),
        programs=_programs(worker),
        queued=len(worker.jobs.waiting),
        running=len(worker.jobs.running),
        sessions=worker.jobs.running.sessions,
        requests=worker.jobs.timings.completed,
        latency_ms=worker.jobs.timings.latency_ms(0.5),
        latency_p95_ms=worker.jobs.timings.latency_ms(0.95),
        starts=worker.lifecycle.starts,
        crashes=worker.crashes.total,
        holders=worker.leases.holders(now),
        compute_device=worker.news.compute_device[:_MAX_TEXT_CHARACTERS],
        why_there=worker.process.place.why or worker.news.why_there[:_MAX_TEXT_CHARACTERS],
        vram_mb=sum(worker.cards_mb.values()) or None,
        cards_mb=worker.cards_mb,
        need_mb=mb(need),
        failure=worker.lifecycle.failure[:_MAX_TEXT_CHARACTERS],
        confined=worker.news.confined and worker.state.has_process,
    )
