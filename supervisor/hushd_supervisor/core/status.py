"""The answer to `status`, as far as the core knows it: the rows of workers and the state of memory. Sizes in bytes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.cards import Card
from hushd_protocol.names import base

from .memory.admission import Admission
from .memory.cards import HELD_S
from .memory.pressure import Level
from .worker.states import State
from .worker.worker import Worker

if TYPE_CHECKING:
    from hushd_schema.status import WorkerStatus

_MAX_CHARACTERS = 300  # of a worker's own text


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


def standing(admission: Admission, now: float) -> Standing:
    """The state of memory; changes nothing."""
    memory, level = admission.measure(now)
    cards = tuple(_of_card(card, admission, now) for card in admission.cards.seen)
    limit = admission.budget.limit(memory)
    return Standing(limit, memory.available, memory.reserve, level, cards, admission.cards.error)


def _of_card(card: Card, admission: Admission, now: float) -> CardStanding:
    """The state of one of the cards."""
    cards, away_s = admission.cards, admission.away.left_s(now)
    taken = sum(worker.size for worker in admission.use.on_card(card.id, now))
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


def row(worker: Worker, need: int, now: float) -> WorkerStatus:
    """The row of a worker that needs `need` bytes; the sizes of its process are added where they are measured."""
    from hushd_schema.status import WorkerStatus  # imported only when used

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
        peak_mb=round(worker.process.peak / 1e6, 1) if worker.state.has_process else None,
        idle_s=None if idle is None else round(now - idle, 1),
        expires_in_s=None if expiry == math.inf else round(max(0.0, expiry - now), 1),
        queued=len(worker.jobs.waiting),
        running=len(worker.jobs.running),
        sessions=worker.jobs.running.sessions,
        requests=worker.jobs.timings.completed,
        latency_ms=worker.jobs.timings.latency_ms(0.5),
        latency_p95_ms=worker.jobs.timings.latency_ms(0.95),
        starts=worker.lifecycle.starts,
        crashes=worker.crashes.total,
        holders=worker.leases.holders(now),
        compute_device=worker.news.compute_device[:_MAX_CHARACTERS],
        why_there=worker.process.place.why or worker.news.why_there[:_MAX_CHARACTERS],
        vram_mb=sum(worker.cards_mb.values()) or None,
        cards_mb=worker.cards_mb,
        need_mb=round(need / 1e6, 1),
        failure=worker.lifecycle.failure[:_MAX_CHARACTERS],
    )
