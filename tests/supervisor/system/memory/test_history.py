"""The record of memory: its lines, and the moments that get none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hushd_protocol.cards import Card
from hushd_protocol.messages import Beat, Ready
from hushd_protocol.system import log_files
from hushd_supervisor.core.events import Exited, FromNeighbour, FromWorker, Seen, Spawned, TemplateGone, TemplateReady
from hushd_supervisor.core.neighbours.holds import Hold
from hushd_supervisor.system.memory.history import QUIET_S, History
from support.peer import Supervisor, wait_until

MB = 1_000_000


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines(path: Path) -> list[list[str]]:
    """The words of each line but the supervisor's own size, which must be one, and a size of mapped files of 0."""
    words = [line.split(" ") for line in path.read_text().splitlines()]
    assert all(int(line.pop(4)) >= 0 for line in words)
    return [line[:4] if line[4] == "0" else line for line in words]


def test_a_life_is_four_lines(tmp_path: Path) -> None:
    """Start, size when ready, size at a beat and exit, each with its time; the supervisor's own start and end too."""
    history = History(tmp_path / "m", clock := Clock())
    history.begin()
    history.look(Spawned("tts/a/b", 1), 0.0)
    for event in (
        FromWorker("tts/a/b", 1, Ready(pss=100 * MB)),
        FromWorker("tts/a/b", 1, Beat(cpu_s=1, pss=150 * MB)),
        Exited("tts/a/b", 1, 0),
    ):
        clock.now += 1
        history.look(event, 0.0)
    history.close()
    assert lines(tmp_path / "m") == [
        ["1000.00", "start", "supervisor", "0"],
        ["1000.00", "start", "tts/a/b", "0"],
        ["1001.00", "ready", "tts/a/b", str(100 * MB)],
        ["1002.00", "beat", "tts/a/b", str(150 * MB)],
        ["1003.00", "exit", "tts/a/b", "0"],
        ["1003.00", "exit", "supervisor", "0"],
    ]
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o600


def test_pages_of_files_are_told_apart(tmp_path: Path) -> None:
    """A line has the private bytes first, and those of mapped files last."""
    history = History(tmp_path / "m", Clock())
    history.look(FromWorker("stt/a/b", 1, Ready(pss=790 * MB, private=160 * MB)), 0.0)
    assert lines(tmp_path / "m") == [["1000.00", "ready", "stt/a/b", str(160 * MB), str(630 * MB)]]


def test_a_template_is_in_the_record(tmp_path: Path) -> None:
    """Under a name of its own: its size when it is ready and when that changes, and its end."""
    history = History(tmp_path / "m", clock := Clock())
    for event in (
        TemplateReady("tts/a", 1, 30 * MB, 0),
        TemplateReady("tts/a", 1, 30 * MB, 0),
        TemplateReady("tts/a", 1, 10 * MB, 0),
        TemplateGone("tts/a", 1, "killed"),
    ):
        clock.now += 1
        history.look(event, 0.0)
    assert [line[1:] for line in lines(tmp_path / "m")] == [
        ["ready", "standby/tts/a", str(30 * MB)],
        ["beat", "standby/tts/a", str(10 * MB)],
        ["exit", "standby/tts/a", "0"],
    ]


def test_a_beat_without_news_adds_no_line(tmp_path: Path) -> None:
    """A size that has not changed by a megabyte is written once a minute."""
    history = History(tmp_path / "m", clock := Clock())
    history.look(FromWorker("a/b/c", 1, Ready(pss=100 * MB)), 0.0)
    for _ in range(int(QUIET_S) // 2):
        history.look(FromWorker("a/b/c", 1, Beat(cpu_s=1, pss=100 * MB + 5)), 0.0)
        clock.now += 2
    assert len(lines(tmp_path / "m")) == 1
    history.look(FromWorker("a/b/c", 1, Beat(cpu_s=1, pss=100 * MB + 5)), 0.0)
    assert len(lines(tmp_path / "m")) == 2


def test_the_record_is_bounded(tmp_path: Path, monkeypatch: Any) -> None:
    """A file that has grown is moved aside, and the one before it goes."""
    monkeypatch.setattr(log_files, "ROTATE_BYTES", 1000)
    history = History(tmp_path / "m")
    for _ in range(200):
        history.look(Spawned("tts/a/b", 1), 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.1"]
    assert all(path.stat().st_size <= 1100 for path in tmp_path.iterdir())


def test_no_place_for_the_record_is_no_error(tmp_path: Path) -> None:
    """Nothing is raised where the folder is gone."""
    History(tmp_path / "none" / "m").begin()


def test_a_real_supervisor_records_its_workers(supervisor: Supervisor, runtime: Path) -> None:
    """A worker that is used and unloaded leaves start, ready and exit, with a size above 0; rest adds nothing."""
    record = runtime / "state" / "memory.log"
    with supervisor.connect() as peer:
        peer.ask("warm", "stt/echo/a")
        peer.control("unload")
        wait_until(lambda: "exit stt/echo/a" in record.read_text(), "the exit")
    events = [(event, name) for _, event, name, *_ in lines(record) if event != "beat"]
    worker = [(event, "stt/echo/a") for event in ("start", "ready", "exit")]
    assert events == [("start", "supervisor"), *worker]
    assert all(int(size) > 0 for _, event, _, size, *_ in lines(record) if event == "ready")
    supervisor.stop()
    assert lines(record)[-1][1:3] == ["exit", "supervisor"]


def test_cards_are_in_the_record(tmp_path: Path) -> None:
    """A line for each card of which a look finds more or less free, and one where a worker takes another part."""
    history = History(tmp_path / "m", Clock())
    seen = Card("rocm:0", "0000:03:00.0", "Radeon RX", 16_000 * MB, 13_000 * MB)
    asleep = Card("vulkan:1", "0000:04:00.0", asleep=True)
    beat = Beat(cpu_s=1, pss=100 * MB, cards={"0000:03:00.0": 4_000 * MB})
    for event in (
        Seen((seen, asleep)),
        Seen((seen, asleep)),
        Seen((), "no answer"),
        FromWorker("stt/a/b", 1, beat),
        FromWorker("stt/a/b", 1, beat),
        FromWorker("stt/a/b", 1, Beat(cpu_s=1, pss=100 * MB)),
        Seen((seen._replace(free=9_000 * MB),)),
        Exited("stt/a/b", 1, 0),
        FromWorker("stt/a/b", 2, beat),
    ):
        history.look(event, 0.0)
    written = (tmp_path / "m").read_text().splitlines()
    taken = "1000.00 taken stt/a/b 0000:03:00.0=4000000000"
    assert [line for line in written if line.split()[1] in ("card", "taken")] == [
        "1000.00 card 0000:03:00.0 16000000000 13000000000 rocm:0 Radeon RX",
        taken,
        "1000.00 card 0000:03:00.0 16000000000 9000000000 rocm:0 Radeon RX",
        taken,
    ]


def test_what_neighbours_hold_is_in_the_record(tmp_path: Path) -> None:
    """A line for each answer, and one where a model was given; not where it sleeps, nor where there was no answer."""
    history = History(tmp_path / "m", Clock())
    holds = (Hold("ollama", "a", 4_000 * MB), Hold("ollama", "b", 1_000 * MB))
    for event in (
        FromNeighbour("look", "ollama", holds=holds),
        FromNeighbour("look", "gone", error="It is not there."),
        FromNeighbour("look"),
        FromNeighbour("give", "ollama", "b", sleeps=True),
        FromNeighbour("give", "ollama", "a", error="It is in use."),
        FromNeighbour("give", "ollama", "a"),
        FromNeighbour("give", "ollama", "a"),
    ):
        history.look(event, 0.0)
    assert (tmp_path / "m").read_text().splitlines() == [
        "1000.00 neighbour ollama 5000000000",
        "1000.00 neighbour ollama 1000000000",
    ]
