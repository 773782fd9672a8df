"""Each kind of server: what it holds by its own report, and how it is asked to give a model up."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_neighbours import kinds
from hushd_neighbours.holding import Failed, Holding, why_not
from hushd_neighbours.server import Server

from . import shapes
from .scripted import Answers, Raw, Scripted, scripted

HELD = Holding("", 3_000_000_000, {"0000:65:00.0": 2_000_000_000})


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of each server is known, and its memory."""
    monkeypatch.setattr(kinds, "measured", lambda *_: HELD)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as made:
        yield made


def _look(kind: str, server: Scripted) -> list[Holding]:
    return kinds.look(_at(server), kind)


def _give(kind: str, server: Scripted, model: str) -> list[tuple[str, Any]]:
    server.asked.clear()
    kinds.give(_at(server), kind, Holding(model))
    return [asked for asked in server.asked if not asked[0].startswith("GET ")]


def _at(server: Scripted) -> Server:
    return Server(server.url, "", time.monotonic() + 20)


def _unloads(server: Scripted, asked: str, listing: str, without: Any, answer: Any = None) -> Answers:
    """Answers of a server that unloads when it is asked to."""

    def act(_: Any) -> Any:
        server.answers[listing] = without
        return {"success": True} if answer is None else answer

    return {asked: act}


@pytest.mark.parametrize(("left_s", "idle_s", "in_use", "pinned"), [
    (100, 200, False, False),  # idle for 200 of the 300 s for which it stays
    (299, 1, False, False),
    (-5, None, True, False),  # its time is over, and it is still there: a request keeps it
    (1700, None, None, False),  # somebody has set another time
    (9e9, None, None, True),
])  # fmt: skip
def test_ollama_tells_its_last_request_by_the_end_of_a_models_time(
    server: Scripted, left_s: float, idle_s: float | None, in_use: bool | None, pinned: bool
) -> None:
    """Half in RAM and half on a card that it does not name; what it keeps for ever is pinned."""
    server.answers["GET /api/ps"] = shapes.ollama(left_s)
    [holding] = _look("ollama", server)
    assert holding.idle_s == (None if idle_s is None else pytest.approx(idle_s, abs=15))
    assert holding._replace(idle_s=None) == Holding(
        "mistral:latest", 1_517_264_896, {"": 5_137_025_024}, None, in_use, pinned
    )


def test_a_routers_models_are_those_in_memory(server: Scripted) -> None:
    """One that is not loaded is not listed, and one that loads is in use; nothing else is asked, lest it wake."""
    server.answers["GET /models"] = shapes.router(4711, a="loaded", c="unloaded", d="sleeping", e="loading")
    found = {holding.model: (holding.in_use, holding.ram) for holding in _look("llama-server", server)}
    assert found == {"a": (None, HELD.ram), "d": (False, HELD.ram), "e": (True, HELD.ram)}
    assert [asked for asked, _ in server.asked] == ["GET /models"]


def test_a_router_unloads_one_model(server: Scripted) -> None:
    """By its name, of which any letter may be; the list says when it has gone."""
    server.answers["GET /models"] = shapes.router(4711, a="loaded")
    server.answers |= _unloads(server, "POST /models/unload", "GET /models", shapes.router(0, a="unloaded"))
    assert _give("llama-server", server, "a") == [("POST /models/unload", {"model": "a"})]


def test_a_llama_server_with_a_model_of_its_own_is_never_asked(server: Scripted) -> None:
    """Started with `-m` it is not a router, and cannot unload."""
    row = shapes.router(0, a="loaded")["data"][0]
    del row["status"]
    server.answers["GET /models"] = {"data": [row]}
    assert _look("llama-server", server) == [HELD._replace(model="a", pinned=True)]


def test_llama_swap_says_what_runs_and_not_whether_it_works(server: Scripted) -> None:
    """Its model is the process at the port of its proxy; one that is just being started is in use."""
    server.answers["GET /running"] = shapes.swap(5801)
    assert _look("llama-swap", server) == [HELD._replace(model="qwen3")]
    server.answers |= _unloads(server, "POST /api/models/unload/qwen3", "GET /running", {"running": []}, Raw(b"OK"))
    assert _give("llama-swap", server, "qwen3") == [("POST /api/models/unload/qwen3", None)]
    server.answers["GET /running"] = shapes.swap(5801, "starting")
    assert _look("llama-swap", server) == [HELD._replace(model="qwen3", in_use=True)]


def test_a_server_that_says_it_unloads_and_does_not_is_told_so(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is still listed was not given. Time passes where nothing is asked."""
    slept: list[float] = []
    monkeypatch.setattr(kinds, "time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr(Server, "left_s", lambda _: 60.0 - sum(slept))
    server.answers |= {"GET /api/ps": shapes.ollama(100), "POST /api/generate": {"done": True}}
    with pytest.raises(Failed, match="says that it unloads mistral:latest, but still has it"):
        kinds.give(Server(server.url, "", math.inf), "ollama", Holding("mistral:latest"))
    assert 59 < sum(slept) < 60


@pytest.mark.parametrize(("holding", "idle_s", "reason"), [
    (Holding("m", in_use=False, idle_s=61), 60, ""),
    (Holding("m", in_use=False), 60, "its last use is not reported"),
    (Holding("m", in_use=False, idle_s=59), 60, "idle for less than 60 s"),
    (Holding("m", in_use=True), 0, "in use"),
    (Holding("m"), 60, "its last use is not reported"),
    (Holding("m"), 0, ""),
    (Holding("m", in_use=False, pinned=True), 0, "pinned"),
])  # fmt: skip
def test_the_list_says_why_a_model_is_not_asked_for(holding: Holding, idle_s: float, reason: str) -> None:
    """In use by the server's own report, pinned, or not idle for long enough; silence counts as use."""
    assert why_not(holding, idle_s).startswith(reason)
    assert bool(why_not(holding, idle_s)) == bool(reason)
