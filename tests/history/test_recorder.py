"""Histories are written whole by many threads and processes, and read back as they were."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from history.events import MalformedHistoryError, read
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


def test_a_line_that_a_killed_writer_has_left_unfinished_is_dropped(tmp_path: Path) -> None:
    """The events before it count."""
    path = tmp_path / "history"
    path.write_text('{"at":0,"party":"p","request":"","event":"closed"}\n{"at":1,"par')
    assert [event.kind for event in read([path])] == ["closed"]
