"""The progress of recordings: the line that a person sees, with the time as an argument."""

from __future__ import annotations

import pytest
from hushd_cli.commands.listen.progress import Pace, Progress


def test_a_pace_begins_with_the_second_word() -> None:
    """Loading a model is not a slow hearing: the first progress only starts the clock, one second makes it sure."""
    pace = Pace()
    pace.add(10.0, 100.0)
    assert pace.rate == 0.0
    pace.add(12.0, 100.6)
    assert pace.rate == 0.0
    pace.add(12.0, 101.2)
    assert pace.rate == pytest.approx(20.0)


def test_a_pace_follows_what_is_happening_now() -> None:
    """After a minute at half the speed the first minute counts for next to nothing."""
    pace, now = Pace(), 0.0
    for rate in (40.0, 20.0):
        for _ in range(60):
            pace.add(rate, now := now + 1.0)
    assert pace.rate == pytest.approx(20.0, rel=0.03)


def test_one_recording() -> None:
    """Its name, a bar, how much of how much, how fast, and how long still."""
    progress = Progress([("a.wav", 1000)])
    assert progress.line(100) == ""
    progress.heard(0, 10.0, 600.0, 0.0)
    assert progress.line(100) == "a.wav [" + " " * 30 + "] 0:10 of 10:00"
    for second in range(1, 11):
        progress.heard(0, 10.0 + second * 20, 600.0, float(second))
    assert progress.line(100) == "a.wav [" + "#" * 10 + " " * 20 + "] 3:30 of 10:00, 20x, 0:20 left"
    progress.finish(0, 30.0)
    assert progress.line(100).startswith("a.wav [" + "#" * 30 + "] 10:00 of 10:00")


def test_a_slow_engine_has_a_decimal() -> None:
    """Below ten times the speed of speech a tenth matters."""
    progress = Progress([("a.wav", 0)])
    for second in range(5):
        progress.heard(0, second * 1.5, 60.0, float(second))
    assert progress.line(100).endswith("0:06 of 1:00, 1.5x, 0:36 left")


def test_a_short_recording_needs_none() -> None:
    """Nothing is drawn for less than half a minute of audio."""
    progress = Progress([("a.wav", 0)])
    progress.heard(0, 10.0, 29.0, 0.0)
    assert progress.line(100) == ""


def test_a_stream_has_no_end_to_wait_for() -> None:
    """Of standard input nobody knows how long it is."""
    progress = Progress([("-", 0)])
    progress.heard(0, 10.0, 0.0, 0.0)
    assert progress.line(100) == ""
    progress.heard(0, 90.0, 0.0, 4.0)
    assert progress.line(100) == "- 1:30 heard, 20x"


def test_several_recordings_have_one_line() -> None:
    """Those nobody has opened yet are guessed from their sizes; the guess is marked, and gone when all are known."""
    progress = Progress([("a.wav", 1000), ("b.wav", 2000), ("c.wav", 3000)])
    progress.heard(0, 10.0, 100.0, 0.0)
    assert progress.line(100) == "0 of 3 files [" + "#" * 0 + " " * 30 + "] 0:10 of ~10:00"
    progress.finish(0, 2.0)
    progress.heard(1, 110.0, 190.0, 4.0)
    assert progress.line(100) == "1 of 3 files [" + "#" * 10 + " " * 20 + "] 3:30 of ~9:40, 50x, 0:08 left"
    progress.heard(2, 0.0, 310.0, 4.0)
    assert "3:30 of 10:00" in progress.line(100)


def test_a_recording_that_fails_is_neither_speed_nor_work() -> None:
    """The rest of a failed file counts as no work; a file without sound says nothing of the others' lengths."""
    progress = Progress([("a.wav", 1000), ("bad.wav", 5000), ("c.wav", 1000)])
    progress.give_up(1)
    for second in range(3):
        progress.heard(0, second * 20.0, 100.0, float(second))
    assert progress.line(100).endswith("0:40 of ~3:20, 20x, 0:08 left")
    progress.give_up(0)
    progress.heard(2, 20.0, 100.0, 3.0)
    assert progress.line(100).endswith("1:00 of 2:20, 20x, 0:04 left")


def test_what_was_heard_before_is_no_speed() -> None:
    """A resumed recording begins in its middle, and its pace with the first new words."""
    progress = Progress([("a.wav", 0)])
    progress.begin(0, 3000.0)
    for second in range(5):
        progress.heard(0, 3000.0 + second * 20, 3600.0, float(second))
    assert progress.line(100).endswith("51:20 of 1:00:00, 20x, 0:26 left")


def test_progress_never_goes_back() -> None:
    """A segment's end and the worker's word of progress come in any order."""
    progress = Progress([("a.wav", 0)])
    progress.heard(0, 40.0, 60.0, 0.0)
    progress.heard(0, 20.0, 0.0, 1.0)
    assert "0:40 of 1:00" in progress.line(100)


def test_the_line_fits_the_terminal() -> None:
    """A line that wrapped could not be taken off the screen again."""
    for columns in range(1, 120):
        progress = Progress([("a recording with a very long name indeed.wav", 0)])
        for second in range(5):
            progress.heard(0, second * 300.0, 36_000.0, float(second))
        line = progress.line(columns)
        assert len(line) < columns, columns
        assert columns < 48 or line.endswith("20:00 of 10:00:00, 300x, 1:56 left")
        assert columns < 31 or line.startswith("a recording")
