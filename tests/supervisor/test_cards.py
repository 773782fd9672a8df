"""Graphics cards with real processes: a supervisor, workers that claim memory, and a file in the driver's place."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.peer import TESTS, Peer, Supervisor, command, wait_until

GB = 10**9
FIRST, SECOND = "0000:01:00.0", "0000:65:00.0"
LARGE, MIDDLE, SMALL = "stt/card/15gb", "stt/card/12gb", "stt/card/4gb"
SWAPS = int(os.environ.get("HUSHD_SWAPS", "12"))
PROGRAM = command([sys.executable, str(TESTS / "card_worker.py")])
CONFIG = f'[worker."{SMALL}"]\nvram_mb = 4000\n[worker.stt]\n{PROGRAM}vram_mb = 12000\n'


class Driver:
    """The cards, as tests set them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set({"id": FIRST, "total": 24 * GB})

    def set(self, *cards: dict[str, Any]) -> None:
        draft = self.path.with_name("draft")
        draft.write_text(json.dumps(cards))
        draft.rename(self.path)


@pytest.fixture
def driver(runtime: Path) -> Driver:
    """One card of 24 GB."""
    return Driver(runtime / "cards.json")


@pytest.fixture
def on_cards(driver: Driver, start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    """A supervisor that sees the cards of `driver`; its workers are named after the memory that they claim."""
    started = start_supervisor(CONFIG, environment={"HUSHD_CARDS": str(driver.path)})
    assert started.ready, started.log()
    return started


def where(peer: Peer, worker: str) -> tuple[str, str]:
    """The device on which a worker computes, and why it is there."""
    answer = peer.ask("where", worker)
    return answer["device"], answer["why"]


def test_two_models_that_do_not_fit_together(on_cards: Supervisor) -> None:
    """Requests that alternate between them swap the models: each is answered, on the card, and none lacks memory."""
    with on_cards.connect() as peer:
        for number in range(SWAPS):
            assert where(peer, (LARGE, MIDDLE)[number % 2]) == ("cuda", "")
        rows = {row["name"]: row for row in peer.control("status")["workers"]}
        assert [rows[name]["crashes"] for name in (LARGE, MIDDLE)] == [0, 0]
        assert sum(row["starts"] for row in rows.values()) == SWAPS


def test_two_models_that_fit_stay(on_cards: Supervisor, driver: Driver) -> None:
    """They share the card, or each has its own, and nobody leaves."""
    with on_cards.connect() as peer:
        pids = [peer.ask("where", name)["pid"] for name in (SMALL, MIDDLE)]
        assert [peer.ask("where", name)["pid"] for name in (SMALL, MIDDLE)] == pids
        assert where(peer, LARGE) == ("cuda", "")
        assert peer.status(MIDDLE)["pid"] is None
        driver.set({"id": FIRST, "total": 24 * GB}, {"id": SECOND, "total": 24 * GB})
        assert where(peer, MIDDLE) == ("cuda", "")
        assert peer.status(LARGE)["pid"]


def test_a_stranger_takes_most_of_the_card(on_cards: Supervisor, driver: Driver) -> None:
    """New starts are on the CPU and say why, nothing is lost, and the next is on the card again once it is free."""
    with on_cards.connect() as peer:
        assert where(peer, MIDDLE) == ("cuda", "")
        driver.set({"id": FIRST, "total": 24 * GB, "others": int(19.2 * GB)})
        peer.control("unload")
        assert where(peer, MIDDLE) == ("cpu", "cuda:0 has 4800 MB free of the 12000 MB that it needs")
        assert where(peer, SMALL) == ("cuda", "")
        driver.set({"id": FIRST, "total": 24 * GB})
        wait_until(lambda: where(peer, MIDDLE)[0] == "cuda", "the way back to the card")
        assert peer.status(MIDDLE)["crashes"] == 0


def test_the_driver_is_late(on_cards: Supervisor, driver: Driver) -> None:
    """A model is loaded once the driver reports the memory of the last one free, not at its process's exit."""
    with on_cards.connect() as peer:
        assert where(peer, LARGE) == ("cuda", "")
        driver.set({"id": FIRST, "total": 24 * GB, "holds": True})
        request = peer.request("where", MIDDLE)
        wait_until(lambda: _state(on_cards, LARGE) == "stopped", "the exit")
        assert _state(on_cards, MIDDLE) == "waiting"
        driver.set({"id": FIRST, "total": 24 * GB})
        answer = peer.result(request)
        assert answer["device"] == "cuda"


def test_a_card_vanishes(on_cards: Supervisor, driver: Driver) -> None:
    """Models are loaded onto the other card, or the CPU where there is none."""
    driver.set({"id": FIRST, "total": 24 * GB}, {"id": SECOND, "total": 16 * GB})
    with on_cards.connect() as peer:
        assert where(peer, LARGE) == ("cuda", "")
        driver.set({"id": SECOND, "total": 16 * GB})
        assert where(peer, MIDDLE) == ("cuda", "")
        driver.set()
        assert where(peer, SMALL)[0] == "cpu"


def test_a_card_that_is_asked_for_and_full(driver: Driver, start_supervisor: Callable[..., Supervisor]) -> None:
    """`server_busy` at once, with what is short and who holds it; no process is started to fail."""
    driver.set({"id": FIRST, "total": 24 * GB, "others": 20 * GB})
    config = CONFIG + 'compute_device = "cuda"\n'
    started = start_supervisor(config, environment={"HUSHD_CARDS": str(driver.path)})
    with started.connect() as peer:
        error = peer.fail("where", MIDDLE)
        assert (error.code, error.message) == (
            "server_busy",
            f"There is no room for {MIDDLE} on cuda:0 now: cuda:0 has 4000 MB free of the 12000 MB that it needs, "
            "workers hold 0 MB, other programs 20000.",
        )
        assert "starts" not in str(error)


def test_an_engine_without_use_for_cards(on_cards: Supervisor) -> None:
    """It is offered one in its first life, and then never again."""
    with on_cards.connect() as peer:
        assert where(peer, "stt/none/12gb")[0] == "cpu"
        peer.control("unload")
        assert where(peer, "stt/none/12gb")[0] == "cpu"
    needs = json.loads((on_cards.folder / "state" / "needs.json").read_text())
    assert needs[f"stt/none/12gb@{FIRST}"] == 0


def _state(supervisor: Supervisor, worker: str) -> str:
    with supervisor.connect() as other:
        return str(other.status(worker)["state"])
