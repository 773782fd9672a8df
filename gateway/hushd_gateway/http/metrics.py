"""`GET /metrics`: the figures of `hushd status`, in Prometheus' text form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hushd_protocol.limits import BOUNDS_S
from hushd_schema.status import Status
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hushd_gateway import routing

Samples = Iterable[tuple[Mapping[str, object], float]]  # labels and value of each
MEDIA = "text/plain; version=0.0.4"


async def show(request: Request) -> Response:
    """Answers with the figures; it starts no worker and keeps none alive."""
    return PlainTextResponse(text(await routing.of(request).client.status()), media_type=MEDIA)


def text(status: Status) -> str:
    return "".join(f"{line}\n" for line in _lines(status))


def _lines(status: Status) -> Iterator[str]:
    supervisor, workers, memory = status.supervisor, status.workers, status.memory
    states = Counter((worker.role, worker.state) for worker in workers)
    yield from _metric("hushd_uptime_seconds", "gauge", [({}, supervisor.uptime_s)])
    yield from _metric("hushd_supervisor_resident_bytes", "gauge", [({}, _bytes(supervisor.rss_mb))])
    yield from _metric(
        "hushd_workers", "gauge", [({"role": role, "state": state}, n) for (role, state), n in sorted(states.items())]
    )
    for name, kind, values in (
        ("resident_bytes", "gauge", [_bytes(worker.rss_mb) for worker in workers]),
        ("private_bytes", "gauge", [_bytes(worker.private_mb) for worker in workers]),
        ("requests_waiting", "gauge", [worker.queued for worker in workers]),
        ("requests_running", "gauge", [worker.running for worker in workers]),
        ("starts_total", "counter", [worker.starts for worker in workers]),
        ("crashes_total", "counter", [worker.crashes for worker in workers]),
    ):
        labelled = [({"worker": worker.name}, value) for worker, value in zip(workers, values, strict=True)]
        yield from _metric(f"hushd_worker_{name}", kind, labelled)
    vram = [({"worker": each.name, "card": card}, _bytes(mb)) for each in workers for card, mb in each.cards_mb.items()]
    yield from _metric("hushd_worker_vram_bytes", "gauge", vram)
    yield from _metric("hushd_memory_budget_bytes", "gauge", [({}, _bytes(memory.budget_mb))])
    yield from _metric("hushd_memory_used_bytes", "gauge", [({}, _bytes(memory.used_mb))])
    for name in ("total", "free", "used"):
        sizes = [
            ({"card": card.id, "device": card.device}, _bytes(getattr(card, f"{name}_mb"))) for card in memory.cards
        ]
        yield from _metric(f"hushd_card_{name}_bytes", "gauge", sizes)
    yield from _requests(status)


def _requests(status: Status) -> Iterator[str]:
    """Yields the ended requests by outcome, and their times as a histogram."""
    counts: Samples = [
        ({"role": each.role, "outcome": outcome}, n) for each in status.requests for outcome, n in each.outcomes.items()
    ]
    yield from _metric("hushd_requests_total", "counter", counts)
    name = "hushd_request_seconds"
    for number, each in enumerate(status.requests):
        if number == 0:
            yield f"# TYPE {name} histogram"
        count, role = sum(each.outcomes.values()), {"role": each.role}
        for bound, within in zip((*BOUNDS_S, "+Inf"), (*each.within, count), strict=True):
            yield _sample(f"{name}_bucket", role | {"le": bound}, within)
        yield _sample(f"{name}_sum", role, each.total_s)
        yield _sample(f"{name}_count", role, count)


def _metric(name: str, kind: str, samples: Samples) -> Iterator[str]:
    lines = [_sample(name, labels, value) for labels, value in samples]
    yield from [f"# TYPE {name} {kind}", *lines] if lines else ()


def _sample(name: str, labels: Mapping[str, object], value: float) -> str:
    listed = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{listed}}} {value}" if listed else f"{name} {value}"


def _bytes(megabytes: float | None) -> int:
    return round((megabytes or 0.0) * 1e6)
