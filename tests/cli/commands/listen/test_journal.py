"""Journals of long transcriptions: their contents, how they are taken over, and when not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd_cli.commands.listen.journal import JOURNAL_MIN_S, Journal

FIRST = Segment(0, 0.0, 9.5, " Ever tried.", (Word(" Ever", 0.0, 0.4), Word(" tried.", 0.5, 1.0)))
LATE = [Segment(n, 400.0 + n, 401.0 + n, f"Größe {n}") for n in range(1, 4)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "long.wav"
    path.write_bytes(b"sound")
    return path


def journal(recording: Path, folder: Path | None = None, **request: Any) -> Journal:
    return Journal(folder or recording.parent / "transcripts", str(recording), os.stat(recording), request)


def files(recording: Path) -> list[Path]:
    return sorted((recording.parent / "transcripts").glob("*"))


def interrupted(recording: Path, **request: Any) -> None:
    """A run that ended without its end."""
    first = journal(recording, **request)
    for segment in (FIRST, *LATE):
        first.add(segment)
    assert first.kept
    first.close()


def test_what_was_kept_is_taken_over(recording: Path) -> None:
    """All segments with their words come back, and with them, the next time, the segments added since. Nobody but the
    owner may read them."""
    interrupted(recording, language="en")
    (file,) = files(recording)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    second = journal(recording, language="en")
    assert second.resume() == [FIRST, *LATE]
    more = Segment(4, 500.0, 501.0, "more")
    second.add(more)
    second.close()
    assert journal(recording, language="en").resume() == [FIRST, *LATE, more]


def test_short_recordings_leave_nothing(recording: Path) -> None:
    """Nothing is written below five minutes; a recording known to be long is kept from its first segment on."""
    short = journal(recording)
    short.add(FIRST)
    short.add(Segment(1, 200.0, JOURNAL_MIN_S - 1, "x"), total=JOURNAL_MIN_S - 1)
    assert not short.kept
    assert files(recording) == []
    long = journal(recording)
    long.add(FIRST, total=JOURNAL_MIN_S)
    assert long.kept
    long.close()
    assert journal(recording).resume() == [FIRST]


@pytest.mark.parametrize("change", ["content", "time", "request", "name"])
def test_another_recording_or_request_begins_anew(change: str, recording: Path) -> None:
    """A size, a time, a language or a name that differs: nothing is taken over."""
    interrupted(recording, language="en")
    request = {"language": "en"}
    if change == "content":
        times = (recording.stat().st_atime_ns, recording.stat().st_mtime_ns)
        recording.write_bytes(b"other sound")
        os.utime(recording, ns=times)
    elif change == "time":
        os.utime(recording, ns=(0, 0))
    elif change == "request":
        request = {"language": "de"}
    else:
        recording = recording.rename(recording.with_name("other.wav"))
    anew = journal(recording, **request)
    assert anew.resume() == []
    anew.add(LATE[2])
    anew.close()
    assert journal(recording, **request).resume() == [LATE[2]]


def test_any_interruption_leaves_whole_segments(recording: Path) -> None:
    """Cut at any byte, as by a power failure, it gives back the segments that were whole, and can be added to."""
    interrupted(recording)
    (file,) = files(recording)
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        torn = journal(recording)
        taken = torn.resume()
        assert taken == [FIRST, *LATE][: whole[:size].count(b"\n") - 1 if b"\n" in whole[:size] else 0]
        torn.add(LATE[2])
        torn.close()
        again = journal(recording)
        assert again.resume() == [*taken, LATE[2]]
        again.close()


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\n", b"[]\n", b"{}\n5\n", b'{"start": "soon"}\n', b'{"words": [1]}\n', b"[" * 100_000 + b"\n",
        b'{"end": Infinity}\n', b'{"start": NaN}\n', b'{"end": 1e300}\n', b'{"id": Infinity}\n',
    ],
)  # fmt: skip
def test_damage_ends_what_is_taken_over(line: bytes, recording: Path) -> None:
    """A line that is not a segment, and all behind it, is left out without a word."""
    interrupted(recording)
    (file,) = files(recording)
    lines = file.read_bytes().splitlines(keepends=True)
    line = line[:-1].ljust(len(lines[2]) - 1) + b"\n"  # so that whole lines are left behind what overwrites it
    file.write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    damaged = journal(recording)
    taken = damaged.resume()
    assert taken in ([FIRST], [FIRST, Segment(0, 0.0, 0.0, "")])  # {} is a segment of nothing
    damaged.add(LATE[2])
    damaged.close()
    assert journal(recording).resume() == [*taken, LATE[2]]
