"""A worker's row in the answer to `status`, as far as the core knows it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hushd_protocol.names import base

from .states import State
from .worker import Worker

if TYPE_CHECKING:
    from hushd_schema.status import WorkerStatus

_MAX_CHARACTERS = 300  # of a worker's own text


def row(worker: Worker, need: int, now: float) -> WorkerStatus:
    """The row of a worker that needs `need` bytes; the sizes of its process are added where they are measured."""
    from hushd_schema.status import WorkerStatus  # imported only when used

    role, engine, model = base(worker.name).split("/")
    rests = worker.state in (State.READY, State.SUSPENDED)
    idle = worker.lifecycle.idle_since if rests else None
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
        peak_mb=round(worker.lifecycle.peak / 1e6, 1) if worker.state.has_process else None,
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
        why_there=worker.lifecycle.assignment.why or worker.news.why_there[:_MAX_CHARACTERS],
        vram_mb=sum(worker.cards_mb.values()) or None,
        cards_mb=worker.cards_mb,
        need_mb=round(need / 1e6, 1),
        failure=worker.lifecycle.failure[:_MAX_CHARACTERS],
    )
