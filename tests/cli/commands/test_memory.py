"""`hushd memory` as a command: text, JSON, pictures and pages."""

from __future__ import annotations

import json
import re
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support import warm
from support.peer import Supervisor

NAME = "tts/<a>/b"


def run(*arguments: str, status: int = 0) -> str:
    code = "from hushd_cli import entry; entry.hushd()"
    done = warm.run(
        [sys.executable, "-P", "-c", code, "memory", *arguments], capture_output=True, text=True, timeout=60
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


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_a_picture_and_a_page(recorded: Path, tmp_path: Path, kind: str) -> None:
    """The SVG is well-formed, names the worker with its signs escaped, and marks its start and its exit."""
    run("-o", str(tmp_path / f"m.{kind}"))
    text = (tmp_path / f"m.{kind}").read_text()
    svg = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    words = [element.text for element in svg.iter() if element.text]
    assert NAME in words
    assert [f"{event} of {NAME}" for event in ("start", "exit")] == [
        word for word in words if word.endswith(f"of {NAME}")
    ]
    assert "a server that never unloads" in words


def test_the_picture_has_colours_for_a_dark_page(recorded: Path, tmp_path: Path) -> None:
    """The paper, its lines and its dark texts are replaced there: each rule is about something that is drawn."""
    run("-o", str(tmp_path / "m.svg"))
    style, drawn = (tmp_path / "m.svg").read_text().split("</style>")
    assert "@media (prefers-color-scheme: dark)" in style
    rules = re.findall(r"(\w*)\[(fill|stroke)=\"(#\w+)\"\]", style)
    assert {colour for _, _, colour in rules} == {"#fff", "#222", "#ddd"}
    assert all(re.search(rf'<{tag or "[a-z]+"} [^>]*{name}="{colour}"', drawn) for tag, name, colour in rules)


def test_another_kind_of_file_is_refused(recorded: Path, tmp_path: Path) -> None:
    """Its name must say what it shall be."""
    assert "must end with .svg or .html" in run("-o", str(tmp_path / "m.png"), status=2)


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


@pytest.fixture
def on_card(recorded: Path) -> Path:
    """The same worker took 4 GB of a card of 16, of which other programs had 3."""
    began = time.time() - 600
    card = f"{began + 60:.2f} card 0000:03:00.0 16000000000 13000000000 rocm:0 <Radeon>\n"
    with recorded.open("a") as record:
        record.write(f"{card}{began + 61:.2f} taken {NAME} 0000:03:00.0=4000000000\n")
    return recorded


def test_cards_are_drawn_beside_the_machine(on_card: Path, tmp_path: Path) -> None:
    """In text, in JSON and in pictures: what workers take, what others do, and the most for workers."""
    text = run()
    assert "GB    # workers   . and other programs, of rocm:0 <Radeon>: 16.0 GB" in text.replace("█", "#").replace(
        "·", "."
    )
    assert max(map(len, text.splitlines())) <= 100
    (card,) = json.loads(run("--json"))["cards"]
    assert {NAME: 4000.0} in [moment["workers_mb"] for moment in card["moments"]]
    assert {moment["others_mb"] for moment in card["moments"]} == {0.0, 3000.0}  # before the first look, and since
    run("-o", str(tmp_path / "m.svg"))
    svg = ET.parse(tmp_path / "m.svg").getroot()
    parts = [element for element in svg if element.tag.endswith("svg")]
    assert [part.get("y") for part in parts] == ["0", parts[0].get("height")]
    assert svg.get("viewBox", "").split()[3] == str(sum(int(part.get("height", "")) for part in parts))
    words = [element.text for element in parts[1].iter() if element.text]
    assert {"rocm:0 <Radeon>: 16.0 GB", NAME, "other programs", "the most for workers"} <= set(words)
    run("-o", str(tmp_path / "m.html"))
    assert "other programs" in (tmp_path / "m.html").read_text()
