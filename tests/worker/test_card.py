"""The graphics cards that a process sees, with a stand-in for the driver: a file that tests write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.messages import Beat, Job, Result
from hushd_worker import card
from support.card_stand_in import StandIn, environment

GB = 10**9
FIRST, SECOND = "0000:01:00.0", "0000:65:00.0"
PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "support" / "card_worker.py")]
Write = Callable[..., StandIn]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes the cards of the stand-in, and gives it."""

    def write(*cards: dict[str, Any]) -> StandIn:
        path = tmp_path / "cards.json"
        path.write_text(json.dumps(cards))
        return StandIn(path)

    return write


def test_cards_are_numbered_in_the_order_of_their_places(written: Write) -> None:
    """`cuda:0` is the first on the bus, as with CUDA_DEVICE_ORDER=PCI_BUS_ID; what others take is not free."""
    driver = written({"id": SECOND, "total": 80 * GB}, {"id": FIRST, "total": 24 * GB, "others": 20 * GB})
    assert card.cards(driver, {}) == [
        card.Card("cuda:0", FIRST, "stand-in", 24 * GB, 4 * GB),
        card.Card("cuda:1", SECOND, "stand-in", 80 * GB, 80 * GB),
    ]


@pytest.mark.parametrize(
    ("visible", "places"),
    [("1", [SECOND]), ("1,0", [SECOND, FIRST]), (f"GPU-{SECOND}", [SECOND]), ("-1", []), ("", []), ("0,-1,1", [FIRST])],
)
def test_only_the_cards_that_cuda_shows(written: Write, visible: str, places: list[str]) -> None:
    """CUDA_VISIBLE_DEVICES chooses and orders them, up to the first word that names none."""
    driver = written({"id": FIRST, "total": GB}, {"id": SECOND, "total": GB})
    found = card.cards(driver, {"CUDA_VISIBLE_DEVICES": visible})
    assert [(each.device, each.id) for each in found] == [(f"cuda:{n}", place) for n, place in enumerate(places)]


def test_a_card_that_sleeps_is_not_asked(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported as asleep, and no question is sent that would wake it."""
    driver = written({"id": FIRST, "total": GB, "asleep": True})
    for question in ("memory", "processes", "name"):
        monkeypatch.setattr(driver, question, lambda id: pytest.fail("it was woken"))
    assert card.cards(driver, {}) == [card.Card("cuda:0", FIRST, asleep=True)]
    assert card.memory_used(driver, {}) == {}


@pytest.mark.parametrize(("bound", "ids", "why", "control", "told"), [
    ([FIRST], [], "", True, f"the kernel lists NVIDIA's card {FIRST}, and its driver does not (it counts none)"),
    ([FIRST], [], "it fails", True, f"the kernel lists NVIDIA's card {FIRST}, and its driver does not (it fails)"),
    ([FIRST], [FIRST], "", True, ""),
    ([], [], "it fails", True, ""),  # a card without a driver computes for nobody
    ([FIRST], [], "it fails", False, ""),  # a container that was given no card
])  # fmt: skip
def test_a_card_that_the_kernel_lists_and_its_driver_does_not(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    bound: list[str],
    ids: list[str],
    why: str,
    control: bool,
    told: str,
) -> None:
    """It is an error with its reason, and never a machine without cards."""
    monkeypatch.setattr(card, "_CONTROL", str(tmp_path if control else tmp_path / "none"))
    assert card.unseen(bound, ids, why).startswith(told)
    assert bool(card.unseen(bound, ids, why)) is bool(told)


def test_what_this_process_and_its_children_take(written: Write) -> None:
    """Their claims are summed by card, and another program's are not counted."""
    driver = written({"id": FIRST, "total": 24 * GB, "others": 9 * GB}, {"id": SECOND, "total": 24 * GB})
    assert driver.claim(FIRST, 2 * GB)
    assert driver.claim(FIRST, GB)
    assert card.memory_used(driver, {}) == {FIRST: 3 * GB}
    assert driver.memory(FIRST) == (24 * GB, 12 * GB)
    assert not driver.claim(FIRST, 13 * GB)


def test_the_program_prints_the_cards(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m hushd_worker.card` writes one line of JSON; without a driver an empty list."""
    driver = written({"id": FIRST, "name": "H100", "total": 80 * GB, "others": 1})
    for name, value in environment(driver._path).items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-P", "-m", "hushd_worker.card"]
    told = json.loads(subprocess.check_output(command))
    row = {"device": "cuda:0", "id": FIRST, "name": "H100", "total": 80 * GB, "free": 80 * GB - 1, "asleep": False}
    assert told == {"cards": [row], "error": ""}


def test_a_worker_reports_its_memory_of_a_card(
    written: Write, monkeypatch: pytest.MonkeyPatch, start: Callable[..., Any]
) -> None:
    """`ready` and its beats have it, by the card's place; a worker on the CPU reports none."""
    driver = written({"id": FIRST, "total": 24 * GB})
    for name, value in environment(driver._path).items():
        monkeypatch.setenv(name, value)
    worker = start([*PROGRAM, "--engine", "card", "--model", "5gb"])
    ready = worker.ready()
    assert (ready.capabilities["compute_device"], ready.cards) == ("cuda", {FIRST: 5 * GB})
    worker.send(Job(id=b"1" * 16, op="claim", params={"gb": 2}, input="none"))
    worker.until(Result)
    assert worker.until(Beat)[0].cards == {FIRST: 7 * GB}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert start([*PROGRAM, "--engine", "card", "--model", "5gb"]).ready().cards == {}
