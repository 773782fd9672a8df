"""The record of memory: its entries, the moments that get none, and its bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol.codec import pack
from hushd_protocol.messages import Beat, Ready, Result
from hushd_supervisor.core.actions import ReportMemory, ToClient
from hushd_supervisor.core.events import Exited, FromWorker, Spawned
from hushd_supervisor.system.memory import history as memory
from hushd_supervisor.system.memory.history import ENTRY_INTERVAL_S, HISTORY_S, MOST, History
from support.peer import Supervisor, wait_until

MB = 1_000_000


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def noted(history: History) -> list[tuple[Any, ...]]:
    """The entries without times and the supervisor's own size, which must be one."""
    assert all(entry.supervisor > 0 for entry in history.entries())
    return [(entry.event, entry.name, entry.size, entry.mapped) for entry in history.entries()]


def test_a_life_is_four_entries(clock: Clock) -> None:
    """Start, size when ready, size at a beat and exit, each with its time; the supervisor's own start too."""
    history = History(clock)
    history.begin()
    for event in (
        Spawned("tts/a/b", 1),
        FromWorker("tts/a/b", 1, Ready(pss=100 * MB)),
        FromWorker("tts/a/b", 1, Beat(cpu_s=1, pss=790 * MB, private=160 * MB)),
        Exited("tts/a/b", 1, 0),
    ):
        clock.now += 1
        history.observe(event, 0.0)
    assert [entry.time for entry in history.entries()] == [1000.0 + number for number in range(5)]
    assert noted(history) == [
        ("start", "supervisor", 0, 0), ("start", "tts/a/b", 0, 0), ("ready", "tts/a/b", 100 * MB, 0),
        ("beat", "tts/a/b", 160 * MB, 630 * MB), ("exit", "tts/a/b", 0, 0),
    ]  # fmt: skip


def test_a_beat_without_news_adds_no_entry(clock: Clock) -> None:
    """A size that has not changed by a megabyte is noted once a minute."""
    history = History(clock)
    history.observe(FromWorker("a/b/c", 1, Ready(pss=100 * MB)), 0.0)
    for _ in range(int(ENTRY_INTERVAL_S) // 2):
        history.observe(FromWorker("a/b/c", 1, Beat(cpu_s=1, pss=100 * MB + 5)), 0.0)
        clock.now += 2
    assert len(history.entries()) == 1
    history.observe(FromWorker("a/b/c", 1, Beat(cpu_s=1, pss=100 * MB + 5)), 0.0)
    assert len(history.entries()) == 2


def test_after_eight_hours_what_was_held_stays_known(clock: Clock) -> None:
    """Each worker keeps its last entry and its largest of the time before: one that rests is held all the while, and a
    server that never unloads would hold the other."""
    history = History(clock)
    for event in (
        FromWorker("a/rests", 1, Ready(pss=50 * MB)),
        FromWorker("a/left", 1, Ready(pss=70 * MB)),
        FromWorker("a/left", 1, Beat(cpu_s=1, pss=90 * MB)),
        Exited("a/left", 1, 0),
    ):
        clock.now += 1
        history.observe(event, 0.0)
    clock.now += HISTORY_S + 1
    history.observe(Spawned("b/c", 1), 0.0)
    assert noted(history) == [
        ("ready", "a/rests", 50 * MB, 0),
        ("beat", "a/left", 90 * MB, 0),
        ("exit", "a/left", 0, 0),
        ("start", "b/c", 0, 0),
    ]


def test_the_whole_record_fits_into_one_message(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much happens, and with names as long as they are."""
    monkeypatch.setattr(memory, "rss", lambda: 1 << 34)
    history = History(clock)
    names = [f"stt/onnx-asr/nemo-parakeet-tdt-0.6b-v3-{number}" for number in range(30)]
    for number in range(2 * MOST):
        clock.now += 1
        history.observe(FromWorker(names[number % 30], 1, Ready(pss=number << 20, private=number << 19)), 0.0)
    (answer,) = history.actions()[ReportMemory](ReportMemory(b"r", b"1" * 16))
    assert isinstance(answer, ToClient)
    assert isinstance(answer.message, Result)
    assert MOST <= len(answer.message.data["entries"]) <= MOST + 60
    pack(answer.message)


def test_a_real_supervisor_records_its_workers(supervisor: Supervisor) -> None:
    """A worker that is used and unloaded leaves start, ready and exit, with a size above 0."""
    with supervisor.connect() as peer:
        peer.ask("warm", "stt/echo/a")
        peer.control("unload")
        wait_until(lambda: any(row[1] == "exit" for row in peer.control("memory")["entries"]), "the exit")
        record = peer.control("memory")
    entries = [
        (event, record["names"][name], size) for _, event, name, size, *_ in record["entries"] if event != "beat"
    ]
    worker = [(event, "stt/echo/a") for event in ("start", "ready", "exit")]
    assert [entry[:2] for entry in entries] == [("start", "supervisor"), *worker]
    assert all(size > 0 for event, _, size in entries if event == "ready")
