"""Graphics cards with real processes: a supervisor, workers that claim memory, and a file in the driver's place."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support import command_line
from support.card_stand_in import environment as stand_in
from support.peer import TESTS, Peer, Start, Supervisor, command

GB = 10**9
FIRST, SECOND = "0000:01:00.0", "0000:65:00.0"
LARGE, MIDDLE, SMALL = "stt/card/15gb", "stt/card/12gb", "stt/card/4gb"
SWAPS = int(os.environ.get("HUSHD_SWAPS", "12"))  # of a night
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
    return Driver(runtime / "cards.json")


@pytest.fixture
def on_cards(driver: Driver, start_supervisor: Start) -> Supervisor:
    """A supervisor that sees the cards of `driver`; its workers are named after the memory that they claim."""
    return start_supervisor(CONFIG, environment=stand_in(driver.path))


def where(peer: Peer, worker: str) -> tuple[str, str]:
    """The device on which a worker computes, and why it is there."""
    answer = peer.ask("where", worker)
    return answer["compute_device"], answer.get("why_there", "")


@pytest.mark.parametrize("swaps", [4, pytest.param(SWAPS, marks=pytest.mark.night)])
def test_two_models_that_do_not_fit_together(on_cards: Supervisor, swaps: int) -> None:
    """Requests that alternate between them swap the models: each is answered, on the card, and none lacks memory."""
    with on_cards.connect() as peer:
        for number in range(swaps):
            assert where(peer, (LARGE, MIDDLE)[number % 2]) == ("cuda", "")
        rows = {row["name"]: row for row in peer.control("status")["workers"]}
        assert [rows[name]["crashes"] for name in (LARGE, MIDDLE)] == [0, 0]
        assert sum(row["starts"] for row in rows.values()) == swaps


# --- other programs ---------------------------------------------------------------------------------------------------


def test_who_takes_what(on_cards: Supervisor, driver: Driver) -> None:
    """`status` has the memory by worker and by card, and says when a card was seen."""
    driver.set({"id": FIRST, "name": "H100", "total": 24 * GB, "others": 2 * GB})
    with on_cards.connect() as peer:
        assert where(peer, MIDDLE) == ("cuda", "")
        assert (peer.status(MIDDLE)["vram_mb"], peer.status(MIDDLE)["cards_mb"]) == (12000.0, {FIRST: 12000.0})
        (card,) = peer.control("status")["memory"]["cards"]
        assert card["seen_s"] >= 0.0
        del card["seen_s"]
        assert card == {
            "device": "cuda:0", "id": FIRST, "name": "H100", "total_mb": 24000.0, "free_mb": 10000.0,
            "used_mb": 12000.0, "budget_mb": 24000.0, "asleep": False,
        }  # fmt: skip
        table = command_line.hushd("status")
        assert "cuda:0 H100: workers take 12.0 of 24.0 GB, other programs 2.0, 10.0 GB free" in table
        assert "12000 MB" in table
        peer.control("unload")
        assert peer.status(MIDDLE)["vram_mb"] is None
