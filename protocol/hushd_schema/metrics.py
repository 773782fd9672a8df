"""The answer to `/metrics`: the figures of `hushd status`, in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .status import CardStatus, DoorStatus, Status, WorkerStatus

_MB = 1_000_000


def text(status: Status) -> str:
    """Returns the lines for `status`; memory is the resident set, see `measure.resident_usage`."""
    supervisor, workers, memory, door = status.supervisor, status.workers, status.memory, status.door
    states = Counter((worker.role, worker.state) for worker in workers)
    lines = [
        *_metric("hushd_uptime_seconds", "gauge", [("", supervisor.uptime_s)]),
        *_metric("hushd_supervisor_resident_bytes", "gauge", [("", _bytes(supervisor.rss_mb))]),
        *_metric("hushd_workers_resident_bytes", "gauge", [("", sum(_bytes(worker.rss_mb) for worker in workers))]),
        *_metric("hushd_workers_private_bytes", "gauge", [("", sum(_bytes(worker.private_mb) for worker in workers))]),
        *_metric("hushd_workers_mapped_bytes", "gauge", [("", sum(_bytes(worker.mapped_mb) for worker in workers))]),
        *_metric("hushd_memory_budget_bytes", "gauge", [("", _bytes(memory.budget_mb))]),
        *_metric(
            "hushd_workers", "gauge", [(f'{{role="{r}",state="{s}"}}', n) for (r, s), n in sorted(states.items())]
        ),
        *_cards(workers, memory.cards),
        *_metric("hushd_requests_running", "gauge", [("", sum(worker.running for worker in workers))]),
        *_metric("hushd_requests_waiting", "gauge", [("", sum(worker.queued for worker in workers))]),
        *(_door(door) if door else ()),
    ]
    return "\n".join(lines) + "\n"


def _door(door: DoorStatus) -> list[str]:
    """Returns the door's lines; a gateway may briefly outlive the last address."""
    return [
        *_metric("hushd_gateway_resident_bytes", "gauge", [("", _bytes(door.gateway.rss_mb))]),
        *_metric("hushd_gateway_starts_total", "counter", [("", door.gateway.starts)]),
    ]


def _cards(workers: Iterable[WorkerStatus], cards: Iterable[CardStatus]) -> list[str]:
    """Returns the lines about graphics cards' memory, by card and by worker."""
    taken = [
        (f'{{worker="{worker.name}",card="{card}"}}', _bytes(size))
        for worker in workers
        for card, size in worker.cards_mb.items()
    ]
    lines = [*_metric("hushd_worker_vram_bytes", "gauge", taken)] if taken else []
    labelled = [(f'{{card="{card.id}",device="{card.device}"}}', card) for card in cards]
    if labelled:
        for name, sizes in (
            ("total", [(labels, _bytes(card.total_mb)) for labels, card in labelled]),
            ("free", [(labels, _bytes(card.free_mb)) for labels, card in labelled]),
            ("used", [(labels, _bytes(card.used_mb)) for labels, card in labelled]),
        ):
            lines += _metric(f"hushd_card_{name}_bytes", "gauge", sizes)
    return lines


def _metric(name: str, kind: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return [f"# TYPE {name} {kind}", *(f"{name}{labels} {value}" for labels, value in samples)]


def _bytes(megabytes: float | None) -> int:
    return round((megabytes or 0.0) * _MB)
