"""Journals of long transcriptions: their contents, how they are taken over, and when not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd_cli.commands.listen.journal import FORGOTTEN_S, LONG_S, Journal
from hushd_protocol.errors import HushdError

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
    """All segments with their words come back, and with them, the next time, the segments added since."""
    interrupted(recording, language="en")
    second = journal(recording, language="en")
    assert second.resume() == [FIRST, *LATE]
    more = Segment(4, 500.0, 501.0, "more")
    second.add(more)
    second.close()
    assert journal(recording, language="en").resume() == [FIRST, *LATE, more]


def test_what_comes_again_is_not_taken_over(recording: Path) -> None:
    """Of a piece that was not kept to its end nothing is: the rest begins with it, and the file is as if nobody had
    heard it. Where a worker does not say, the rest begins where the last segment ends."""
    rests = [9.8, 400.5, 400.5, 404.0]
    for count, kept, rest in [(1, 1, 9.8), (2, 1, 400.5), (3, 1, 400.5), (4, 4, 404.0)]:
        first = journal(recording)
        for segment, at in list(zip([FIRST, *LATE], rests, strict=True))[:count]:
            first.add(segment, LONG_S, at)
        first.close()
        again = journal(recording)
        assert again.resume() == [FIRST, *LATE][:kept]
        assert again.rest_s == rest
        again.close()
        once_more = journal(recording)
        assert once_more.resume() == [FIRST, *LATE][:kept]
        assert once_more.rest_s == rests[kept - 1]
        once_more.close()
    interrupted(recording)
    plain = journal(recording)
    assert len(plain.resume()) == 4
    assert plain.rest_s == LATE[-1].end
    plain.close()


def test_short_recordings_leave_nothing(recording: Path) -> None:
    """Nothing is written below five minutes; a recording known to be long is kept from its first segment on."""
    short = journal(recording)
    short.add(FIRST)
    short.add(Segment(1, 200.0, LONG_S - 1, "x"), total=LONG_S - 1)
    assert not short.kept
    assert files(recording) == []
    long = journal(recording)
    long.add(FIRST, total=LONG_S)
    assert long.kept
    long.close()
    assert journal(recording).resume() == [FIRST]


def test_success_removes_it(recording: Path) -> None:
    """A transcript that is written needs no journal; neither does one that was resumed."""
    for resumed in (False, True):
        one = journal(recording)
        assert one.resume() == []
        one.add(LATE[0])
        if resumed:
            one.close()
            one = journal(recording)
            assert one.resume() == [LATE[0]]
        assert len(files(recording)) == 1
        one.remove()
        assert files(recording) == []
        one.remove()  # twice is as good


def test_only_the_owner_may_read_it(recording: Path) -> None:
    """The journal is private (0600)."""
    interrupted(recording)
    (file,) = files(recording)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


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


def test_without_resume_it_is_overwritten(recording: Path) -> None:
    """Not at once, but when the new run has as much to lose."""
    interrupted(recording)
    anew = journal(recording)
    anew.add(FIRST)
    anew.close()
    resumed = journal(recording)
    assert len(resumed.resume()) == 4
    resumed.close()
    for segments in (LATE, LATE[:1]):
        anew = journal(recording)
        for segment in segments:
            anew.add(segment)
        anew.close()
        resumed = journal(recording)
        assert resumed.resume() == segments
        resumed.close()


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


def test_two_at_work_do_not_mix(recording: Path) -> None:
    """The second one keeps none, and may not resume, until the first has ended."""
    first, second = journal(recording), journal(recording)
    first.add(LATE[0])
    second.add(LATE[1])
    assert not second.kept
    with pytest.raises(HushdError, match="wait for it") as caught:
        journal(recording).resume()
    assert caught.value.code == "bad_request"
    first.close()
    assert journal(recording).resume() == [LATE[0]]


def test_a_journal_that_cannot_be_written_is_given_up(recording: Path, tmp_path: Path) -> None:
    """The transcript matters more than its safety net."""
    (tmp_path / "file").touch()
    hopeless = journal(recording, tmp_path / "file" / "transcripts")
    for segment in LATE:
        hopeless.add(segment)
    assert not hopeless.kept
    hopeless.remove()


def test_what_nobody_came_back_for_is_removed(recording: Path) -> None:
    """After a month, when the next journal begins."""
    interrupted(recording)
    (old,) = files(recording)
    os.utime(old, (os.stat(old).st_atime, os.stat(old).st_mtime - FORGOTTEN_S - 60))
    interrupted(recording, language="en")
    (left,) = files(recording)
    assert left != old


def test_the_head_says_what_it_belongs_to(recording: Path) -> None:
    """For people who look: the recording and the request are in the first line."""
    interrupted(recording, language="en")
    head = json.loads(files(recording)[0].read_text(encoding="utf-8").splitlines()[0])
    assert head["recording"] == str(recording)
    assert head["request"] == {"language": "en"}
    assert head["size"] == 5
