"""The memory of graphics cards over time: that of workers by their own word, and the rest by looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hushd.reports import card_record, memory_record
from hushd.reports.card_record import CardHistory, CardMoment
from hushd.reports.memory_window import Window
from hushd_schema.status import Status

FIRST, SECOND = "0000:03:00.0", "0000:04:00.0"
GB = 10**9
RECORD = f"""\
100.00 start supervisor 0 20000000 0
101.00 card {FIRST} 16000000000 13000000000 rocm:0 Radeon RX 7800 XT
101.00 card {SECOND} 12000000000 12000000000 vulkan:1 Arc
103.00 taken stt/a/b {FIRST}=4000000000
103.00 ready stt/a/b 12000000 20000000 0
105.00 taken stt/c/d {FIRST}=2000000000 {SECOND}=1000000000
106.00 card {FIRST} 16000000000 5000000000 rocm:0 Radeon RX 7800 XT
108.00 exit stt/a/b 0 20000000 0
nonsense card x
109.00 card {FIRST} many few rocm:0
109.50 taken stt/a/b {FIRST}
110.00 start supervisor 0 20000000 0
"""


def histories(tmp_path: Path, start: float, end: float, status: Status | None = None) -> list[CardHistory]:
    (tmp_path / "memory.log").write_text(RECORD)
    return card_record.histories(card_record.read(tmp_path / "memory.log"), status, start, end)


def status(*cards: dict[str, Any], **workers: dict[str, float]) -> Status:
    rows = [{"name": name.replace("_", "/"), "cards_mb": sizes} for name, sizes in workers.items()]
    return Status.from_data({"memory": {"cards": list(cards)}, "workers": rows})


def at(history: CardHistory, time: float) -> tuple[dict[str, int], int]:
    """The gigabytes of workers, and of other programs."""
    moment = [moment for moment in history.moments if moment.time <= time][-1]
    return {name: size // GB for name, size in moment.workers.items()}, moment.others // GB


def test_what_workers_and_others_take(tmp_path: Path) -> None:
    """Others have the rest of the used memory at a look; all workers are gone when a supervisor starts."""
    first, second = histories(tmp_path, 100, 120)
    assert (first.device, first.name, first.total, first.budget) == ("rocm:0", "Radeon RX 7800 XT", 16 * GB, 16 * GB)
    assert [at(first, time) for time in (102, 104, 105.5, 107, 109, 111)] == [
        ({}, 3), ({"stt/a/b": 4}, 3), ({"stt/a/b": 4, "stt/c/d": 2}, 3), ({"stt/a/b": 4, "stt/c/d": 2}, 5),
        ({"stt/c/d": 2}, 5), ({}, 5),
    ]  # fmt: skip
    assert [at(second, time) for time in (102, 107, 111)] == [({}, 0), ({"stt/c/d": 1}, 0), ({}, 0)]


def test_a_window_begins_and_ends_with_what_holds_then(tmp_path: Path) -> None:
    """Whatever happened before it, and after the last line."""
    first, _ = histories(tmp_path, 104, 107)
    assert (first.moments[0].time, first.moments[-1].time) == (104, 107)
    assert at(first, 104) == ({"stt/a/b": 4}, 3)
    assert at(first, 107) == ({"stt/a/b": 4, "stt/c/d": 2}, 5)
    (early, *_) = histories(tmp_path, 50, 101.5)
    assert at(early, 50) == ({}, 0)


def test_the_present_is_the_supervisors_word(tmp_path: Path) -> None:
    """A card that is nowhere in the record is there as well; without one, nothing is drawn."""
    row = {"device": "cuda:0", "id": SECOND, "name": "X", "total_mb": 12e3, "free_mb": 3e3, "used_mb": 5e3}
    now = status(row | {"budget_mb": 6e3}, stt_x={SECOND: 5e3})
    (_, card) = sorted(histories(tmp_path, 100, 120, now), key=lambda history: history.id)
    assert (card.device, card.budget) == ("cuda:0", 6 * GB)
    assert at(card, 120) == ({"stt/x": 5}, 4)
    assert card.described == "cuda:0 X: 12.0 GB, of which workers may take 6.0"
    assert card_record.histories([], status(), 0, 1) == []
    assert card_record.histories([], None, 0, 1) == []


def test_json(tmp_path: Path) -> None:
    """`hushd top --history --json` has each card, and no such key where none was looked at."""
    (tmp_path / "memory.log").write_text(RECORD)
    events = card_record.read(tmp_path / "memory.log")
    entries = memory_record.read(tmp_path / "memory.log")
    window = Window.last(3600, entries, None, 107.0, events)
    assert window
    first, _ = window.data()["cards"]
    assert {key: first[key] for key in ("device", "id", "name", "total_mb", "budget_mb")} == {
        "device": "rocm:0", "id": FIRST, "name": "Radeon RX 7800 XT", "total_mb": 16000.0, "budget_mb": 16000.0,
    }  # fmt: skip
    assert first["moments"][-1] == {
        "time": 107.0, "workers_mb": {"stt/a/b": 4000.0, "stt/c/d": 2000.0}, "others_mb": 5000.0,
    }  # fmt: skip
    without = Window.last(3600, entries, None, 107.0)
    assert without
    assert "cards" not in without.data()


def test_equal_parts_show_the_most() -> None:
    """A peak between two columns is not lost."""
    moments = [CardMoment(0.0, {}, 1), CardMoment(4.9, {"a": 7}, 1), CardMoment(5.0, {}, 2), CardMoment(10.0, {}, 3)]
    parts = card_record.highest(moments, 4)
    assert [part.time for part in parts] == [0.0, 2.5, 5.0, 7.5]
    assert [part.taken + part.others for part in parts] == [1, 8, 2, 3]
