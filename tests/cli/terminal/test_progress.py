"""The progress of recordings and of downloads: the line that a person sees, with the time as an argument."""

from __future__ import annotations

import pytest
from hushd_cli.terminal.progress import Progress, download


def test_one_recording() -> None:
    """Its name, a bar, how much of how much, how fast, and how long still."""
    progress = Progress(["a.wav"])
    assert progress.line(100) == ""
    progress.heard(0, 10.0, 600.0, 0.0)
    assert progress.line(100) == "a.wav [" + " " * 30 + "] 0:10 of 10:00"
    for second in range(1, 11):
        progress.heard(0, 10.0 + second * 20, 600.0, float(second))
    assert progress.line(100) == "a.wav [" + "#" * 10 + " " * 20 + "] 3:30 of 10:00, 20x, 0:20 left"
    progress.finish(0, 600.0, 30.0)
    assert progress.line(100).startswith("a.wav [" + "#" * 30 + "] 10:00 of 10:00")


def test_a_stream_has_no_end_to_wait_for() -> None:
    """Nobody knows of standard input how long it is."""
    progress = Progress(["-"])
    progress.heard(0, 10.0, 0.0, 0.0)
    assert progress.line(100) == ""
    progress.heard(0, 90.0, 0.0, 4.0)
    assert progress.line(100) == "- 1:30 heard, 20x"


def test_several_recordings() -> None:
    """The line counts those that are done, with all seconds heard and the speed; no end is guessed."""
    progress = Progress(["a.wav", "b.wav", "c.wav"])
    progress.heard(0, 10.0, 60.0, 0.0)
    progress.heard(1, 30.0, 60.0, 2.0)
    progress.finish(0, 60.0, 4.0)
    progress.give_up(2)
    assert progress.line(100) == "2 of 3 files 1:30 heard, 20x"


def test_the_line_fits_the_terminal() -> None:
    """A line that wrapped could not be taken off the screen again."""
    for columns in range(1, 120):
        progress = Progress(["a recording with a very long name indeed.wav"])
        for second in range(5):
            progress.heard(0, second * 300.0, 36_000.0, float(second))
        line = progress.line(columns)
        assert len(line) < columns, columns
        assert columns < 48 or line.endswith("20:00 of 10:00:00, 300x, 1:56 left")
        assert columns < 31 or line.startswith("a recording")


@pytest.mark.parametrize(("done", "total", "rate", "columns", "shown"), [
    (0, 0, 0, 80, "whisper/base …"),
    (59e6, 148e6, 0, 80, "whisper/base [###########                   ] 59 of 148 MB"),
    (74e6, 148e6, 12.5e6, 60, "whisper/base [#####     ] 74 of 148 MB, 12 MB/s, 0:06 left"),
    (74e6, 148e6, 12.5e6, 46, "whisper/base 74 of 148 MB, 12 MB/s, 0:06 left"),
    (74e6, 148e6, 12.5e6, 20, "50 %"),
    (1.5e6, 3e6, 1e5, 70, "whisper/base [#####     ] 1.5 of 3.0 MB, 0.1 MB/s, 0:15 left"),
    (0.5e9, 1.04e9, 0, 60, "whisper/base [####      ] 0.50 of 1.04 GB"),
])  # fmt: skip
def test_a_download_fits(done: float, total: float, rate: float, columns: int, shown: str) -> None:
    """The line has as much as there is room for, and never the last column."""
    made = download("whisper/base", done, total, rate, columns)
    assert made == shown
    assert len(made) < columns
