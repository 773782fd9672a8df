"""`hushd top --history` as a command: text and JSON."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest
from support import warm
from support.peer import Supervisor

NAME = "tts/<a>/b"


def run(*arguments: str, status: int = 0, history: bool = True) -> str:
    code = "from hushd_cli import entry; entry.hushd()"
    done = warm.run(
        [sys.executable, "-P", "-c", code, "top", *(["--history"] if history else []), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@pytest.fixture
def recorded(runtime: Path) -> Path:
    """A worker of 200 MB, and 630 of its model's file, in one of the last ten minutes; no supervisor runs any more."""
    began = time.time() - 600
    lines = [(0, "start", "supervisor", 0), (60, "start", NAME, 0), (61, "ready", NAME, 200_000_000)]
    lines += [(120, "exit", NAME, 0)]
    (runtime / "state").mkdir()
    record = runtime / "state" / "memory.log"
    record.write_text(
        "".join(
            f"{began + at:.2f} {event} {name} {size} 20000000 {3.15 * size:.0f}\n" for at, event, name, size in lines
        )
    )
    return record


def test_text_has_both_averages_bars_and_workers(recorded: Path) -> None:
    """The first line compares; the bars and the table fit into 100 columns of a pipe, with no control sequence."""
    text = run()
    assert re.match(r"Memory held on average for 10:\d\d: 2\d MB; by a server that never unloads: 200 MB\.", text)
    assert "start" in text
    assert re.search(rf"{NAME} +1 +1:00 +200 MB +630 MB\n", text)
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text


def test_since_cuts_the_window(recorded: Path) -> None:
    """The last minute has no worker, and a server would hold its model all the same."""
    assert "for 1:00: 0 MB; by a server that never unloads: 220 MB" in run("--since", "1m")
    assert "must be a length of time" in run("--since", "soon", status=2)


def test_json_is_for_programs(recorded: Path) -> None:
    """Moments, events and workers, with both averages."""
    data = json.loads(run("--json"))
    assert data["never_unloaded_mean_mb"] > data["mean_mb"] > 0
    assert [(event["event"], event["name"]) for event in data["events"]][1:3] == [("start", NAME), ("exit", NAME)]
    assert data["workers"] == [{"name": NAME, "starts": 1, "seconds": 60.0, "most_mb": 200.0, "most_mapped_mb": 630.0}]


def test_neighbours_have_a_shade_of_their_own(recorded: Path) -> None:
    """A neighbour that was seen is shaded, with its name beside hushd's sign; without one nothing is said of any."""
    assert "where seen" not in run()
    assert "neighbours" not in json.loads(run("--json"))
    answered = time.time() - 300
    with recorded.open("a") as file:
        file.write(f"{answered:.2f} neighbour ollama 900000000\n{answered + 30:.2f} neighbour ollama 0\n")
    text = run()
    assert re.search(r"[░:] ollama, where seen\n", text)
    assert re.search(r"[░:]{4,6}", text.partition("where seen")[2])
    (seen,) = json.loads(run("--json"))["neighbours"]
    assert (seen["name"], seen["held_mb"], round(seen["end"] - seen["start"])) == ("ollama", 900.0, 30)


def test_nothing_recorded(runtime: Path) -> None:
    """Without a record and a supervisor there is nothing to show."""
    assert "Nothing is recorded yet" in run(status=4)


def test_with_a_supervisor_the_last_moment_is_now(supervisor: Supervisor, runtime: Path) -> None:
    """Each process that runs is shown with its size, and the command starts nothing."""
    with supervisor.connect() as peer:
        peer.ask("warm", "stt/echo/a")
        data = json.loads(run("--json"))
    assert data["moments"][-1]["workers_mb"]["stt/echo/a"] > 0
    assert data["moments"][-1]["supervisor_mb"] > 0


def test_the_status_for_programs(supervisor: Supervisor) -> None:
    """Without --history `--json` prints the status once; --since is refused."""
    assert json.loads(run("--json", history=False)).keys() >= {"supervisor", "workers", "memory", "floor"}
    assert "give that too" in run("--since", "1h", status=2, history=False)


@pytest.fixture
def on_card(recorded: Path) -> Path:
    """The same worker took 4 GB of a card of 16, of which other programs had 3."""
    began = time.time() - 600
    card = f"{began + 60:.2f} card 0000:03:00.0 16000000000 13000000000 rocm:0 <Radeon>\n"
    with recorded.open("a") as record:
        record.write(f"{card}{began + 61:.2f} taken {NAME} 0000:03:00.0=4000000000\n")
    return recorded


def test_cards_are_drawn_beside_the_machine(on_card: Path) -> None:
    """In text and in JSON: what workers take, what others do, and the most for workers."""
    text = run()
    assert "GB    # workers   . and other programs, of rocm:0 <Radeon>: 16.0 GB" in text.replace("█", "#").replace(
        "·", "."
    )
    assert max(map(len, text.splitlines())) <= 100
    (card,) = json.loads(run("--json"))["cards"]
    assert {NAME: 4000.0} in [moment["workers_mb"] for moment in card["moments"]]
    assert {moment["others_mb"] for moment in card["moments"]} == {0.0, 3000.0}  # before the first look, and since
