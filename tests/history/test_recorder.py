"""Histories are written whole by many threads and processes, and read back as they were."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from history.events import KINDS, Event, MalformedHistoryError, read
from history.recorder import File, Recorder

EVENTS, THREADS, PROCESSES = 300, 4, 3
WRITER = "import sys; from history.test_recorder import write; write(*sys.argv[1:])"


def write(path: str, process: str) -> None:
    """Writes as the parties of one process do, each on a thread."""
    file = File(Path(path))

    def party(number: int) -> None:
        recorder = Recorder(f"{process}-{number}", file)
        for count in range(EVENTS):
            recorder.invoke(f"{process}-{number}-{count}", "other", text="ä" * (count % 200))

    threads = [threading.Thread(target=party, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()


def test_threads_of_several_processes_write_whole_lines_into_one_file(tmp_path: Path) -> None:
    """No line is mixed with another's or torn, and each party's events come back in their order."""
    path = tmp_path / "history"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)], env=environment)
        for number in range(PROCESSES)
    ]
    assert [process.wait(60) for process in processes] == [0] * PROCESSES
    events = read([path])
    assert len(events) == PROCESSES * THREADS * EVENTS
    count: Counter[str] = Counter()
    for event in events:
        assert event.request == f"{event.party}-{count[event.party]}"
        count[event.party] += 1


def test_an_event_is_read_as_it_was_written() -> None:
    """All fields come back, those of its kind too."""
    lines: list[bytes] = []
    recorder = Recorder("client", lines.append, clock=lambda: 1.25)
    recorder.invoke("a", "claim", devices=["speaker"], priority="text")
    recorder.ok("a", length=3)
    recorder.fail("b", "server_busy")
    recorder.unknown("c")
    assert [Event.of(line) for line in lines] == [
        Event(1.25, "client", "a", "invoke", {"op": "claim", "devices": ["speaker"], "priority": "text"}),
        Event(1.25, "client", "a", "ok", {"length": 3}),
        Event(1.25, "client", "b", "fail", {"code": "server_busy"}),
        Event(1.25, "client", "c", "unknown", {}),
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[]", "is not an event"),
        ("{}", "is not an event"),
        ('{"at":1,"party":"p","request":"r","event":"odd"}', "an unknown kind, 'odd'"),
        ('{"at":1,"party":"p","request":"r","event":"invoke","op":"odd"}', "an unknown operation, 'odd'"),
        ('{"at":1,"party":"p","request":"r","event":"invoke","op":"claim","devices":[]}', "without 'priority'"),
        ('{"at":1,"party":"p","request":"r","event":"fail"}', "'fail' without 'code'"),
    ],
)
def test_a_line_that_is_not_an_event_is_refused_with_its_place(tmp_path: Path, line: str, sentence: str) -> None:
    """A writer's mistake is not taken for a history in which nothing happened."""
    path = tmp_path / "history"
    path.write_text(f'{{"at":0,"party":"p","request":"","event":"closed"}}\n{line}\n')
    with pytest.raises(MalformedHistoryError, match=rf"history, line 2: .*{sentence}"):
        read([path])


def test_a_recorder_refuses_what_could_not_be_read() -> None:
    """The mistake is found where it is made."""
    with pytest.raises(MalformedHistoryError, match="'sound' without 'stop'"):
        Recorder("p", list[bytes]().append).saw("sound", "a", start=0)
    assert all(kind.isidentifier() for kind in KINDS)


def test_a_line_that_a_killed_writer_has_left_unfinished_is_dropped(tmp_path: Path) -> None:
    """The events before it count."""
    path = tmp_path / "history"
    path.write_text('{"at":0,"party":"p","request":"","event":"closed"}\n{"at":1,"par')
    assert [event.kind for event in read([path])] == ["closed"]
