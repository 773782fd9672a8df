"""`GET /metrics`, as Prometheus' own client reads it."""

from __future__ import annotations

from typing import Any

import pytest
from hushd import Client
from hushd_gateway.http.metrics import text
from hushd_protocol.limits import BOUNDS_S
from hushd_schema.status import Status
from support.http_gateway import HttpGateway

from .test_page import fetch


def _parsed(lines: str) -> dict[str, Any]:
    """The families by name: each once, with its kind."""
    parser = pytest.importorskip("prometheus_client.parser", reason="not installed: pip install prometheus-client")
    families = list(parser.text_string_to_metric_families(lines))
    found = {family.name: family for family in families}
    assert len(found) == len(families)
    assert all(family.type != "unknown" for family in families)
    return found


def test_prometheus_reads_them(echo: HttpGateway) -> None:
    """Workers by state, memory, queue, requests by outcome, and their times as a histogram; no worker starts."""
    with Client() as client:
        client.transcribe(b"sound")
        client.unload()
    answer, body = fetch(echo, "GET", "/metrics")
    assert (answer.status, answer.getheader("content-type")) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = _parsed(body.decode())
    states = {(each.labels["role"], each.labels["state"]): each.value for each in found["hushd_workers"].samples}
    assert states[("stt", "stopped")] == 1
    assert found["hushd_memory_budget_bytes"].samples[0].value > 1e8
    (ended,) = [each for each in found["hushd_requests"].samples if each.labels == {"role": "stt", "outcome": "done"}]
    assert ended.value == 1
    times = found["hushd_request_seconds"]
    buckets = [each for each in times.samples if each.name.endswith("_bucket") and each.labels["role"] == "stt"]
    assert [float(each.labels["le"]) for each in buckets] == [*BOUNDS_S, float("inf")]
    assert [each.value for each in buckets] == sorted(each.value for each in buckets)
    assert buckets[-1].value == 1


def test_a_card_is_a_label() -> None:
    """The label is its place on the bus; the memory of each worker there is told apart."""
    card = {"device": "cuda:0", "id": "01:00.0", "total_mb": 8000.0, "free_mb": 5000.0, "used_mb": 2500.0}
    worker = {"name": "stt/a/x", "role": "stt", "state": "ready", "cards_mb": {"01:00.0": 2500.0}, "crashes": 2}
    found = _parsed(text(Status.from_data({"memory": {"cards": [card]}, "workers": [worker]})))
    assert found["hushd_card_free_bytes"].samples[0].value == 5e9
    vram = found["hushd_worker_vram_bytes"].samples[0]
    assert (vram.labels, vram.value) == ({"worker": "stt/a/x", "card": "01:00.0"}, 2.5e9)
    assert found["hushd_worker_crashes"].samples[0].value == 2
    assert "hushd_request_seconds" not in found
