"""The transcripts of a corpus, on the driver's disk and below a URL: done, left and set aside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cluster.outputs import Failure, Outputs
from hushd_cluster.recording import Recording
from hushd_cluster.sources import Folder
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error

SAID = Transcript((Segment(0, 0.0, 1.0, "Hello."),))
FAILURE = Failure("input_unreadable", "'talk.wav' is empty.", 4, 1)


@pytest.fixture
def recordings(tmp_path: Path) -> dict[str, Recording]:
    """Two recordings of one name, one in a folder, and files that are none; the transcripts come among them."""
    for name in ("talk.wav", "talk.mp3", "b/c.FLAC", "notes.txt", ".hidden.wav", "out/old.wav", "b/.x/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return {each.name: each for each in Folder(str(tmp_path), str(tmp_path / "out")).recordings()}


@pytest.fixture(params=["disk", "shared"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Outputs]:
    """Makes the transcripts, as each run does."""
    return lambda: Outputs(f"{'' if request.param == 'disk' else 'file://'}{tmp_path / 'out'}", "txt")


def test_recordings_are_known_by_their_suffix(recordings: dict[str, Recording], tmp_path: Path) -> None:
    """A suffix counts in any case and folder, but not of hidden files, and not of those in the folder of transcripts;
    also below a URL."""
    assert list(recordings) == ["talk.mp3", "talk.wav", "b/c.FLAC"]
    (listed,) = Folder(f"file://{tmp_path}/b", str(tmp_path / "out")).recordings()
    assert (listed.name, listed.place) == ("c.FLAC", f"file://{tmp_path}/b/c.FLAC")
    assert listed.written == recordings["b/c.FLAC"].written


def test_each_recording_has_a_transcript_of_its_own(
    made: Callable[[], Outputs], recordings: dict[str, Recording], tmp_path: Path
) -> None:
    """It bears the recording's whole name, so that two of one stem do not share it."""
    outputs = made()
    assert not any(map(outputs.is_done, recordings.values()))
    for name in recordings:
        outputs.save(name, SAID)
    assert all(map(made().is_done, recordings.values()))
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.txt")}
    assert written == {"talk.mp3.txt", "talk.wav.txt", "b/c.FLAC.txt"}
    assert (tmp_path / "out/talk.wav.txt").read_text() == "Hello.\n"


def test_a_recording_that_has_changed_is_not_done(
    made: Callable[[], Outputs], recordings: dict[str, Recording], tmp_path: Path
) -> None:
    """Its transcript is older; of one without a time any transcript will do."""
    made().save("talk.wav", SAID)
    os.utime(tmp_path / "out/talk.wav.txt", (1, 1))
    assert not made().is_done(recordings["talk.wav"])
    assert made().is_done(Recording("talk.wav", "s3://bucket/talk.wav"))


def test_what_is_done_or_set_aside_is_passed_over(tmp_path: Path) -> None:
    """A recording that is done or set aside is counted; `retry` tries again those set aside."""
    pytest.importorskip("ray")
    from hushd_cluster.corpus import left

    for name in "abcde":
        (tmp_path / f"{name}.wav").write_bytes(b"x")
    outputs = Outputs(str(tmp_path / "out"), "txt")
    for name in ("b.wav", "d.wav"):
        outputs.save(name, SAID)
    outputs.set_aside = {"c.wav": FAILURE, "x.wav": FAILURE}

    def names(retry: bool) -> tuple[list[str], list[str]]:
        recordings, passed = left(Folder(str(tmp_path), str(tmp_path / "out")), outputs, retry)
        return [each.name for each in recordings], passed

    assert names(False) == (["a.wav", "e.wav"], ["c.wav"])
    assert names(True) == (["a.wav", "c.wav", "e.wav"], [])


def test_a_name_like_one_of_hushds_own_is_kept_beside_them(made: Callable[[], Outputs], tmp_path: Path) -> None:
    """Each is done once its transcript is written, the next run counts it, and the list stays a list; also where a disk
    has such folders."""
    names = ["set-aside.json/a.wav", "b/set-aside.json/a.wav", "talk", "talk.txt/b.wav", "../c", "/.d/e", "set-aside"]
    for name in names:
        assert not made().is_done(Recording(name, "s3://bucket/x"))
        made().save(name, SAID)
        assert made().is_done(Recording(name, "s3://bucket/x"))
    outputs = made()
    outputs.put_aside(names[0], FAILURE)
    outputs.keep()
    assert made().set_aside == {names[0]: FAILURE}
    assert len([*(tmp_path / "out").rglob("*.txt")]) == len([*tmp_path.rglob("*.txt")]) == len(names)
    for name in names[:2]:
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    source = Folder(str(tmp_path / "in"), str(tmp_path / "out"))
    assert ([each.name for each in source.recordings()], source.faults) == (sorted(names[:2]), [])


def test_what_was_set_aside_is_remembered_until_it_is_transcribed(made: Callable[[], Outputs], tmp_path: Path) -> None:
    """A file keeps it, which another run reads."""
    first = made()
    first.put_aside("talk.wav", FAILURE)
    first.put_aside("Gespr\udce4ch.wav", FAILURE)  # the name of a disk that never knew Unicode
    first.keep()
    again = made()
    assert again.set_aside == {"talk.wav": FAILURE, "Gespr\udce4ch.wav": FAILURE}
    again.done("talk.wav")
    again.done("Gespr\udce4ch.wav")
    again.keep()
    assert json.loads((tmp_path / "out/set-aside.json").read_text()) == {}


@pytest.mark.parametrize("content", ["[1]", '{"a": 1}', '{"a": {"code": "x"}}', "{"])
def test_a_list_that_hushd_did_not_write_is_left_alone(
    made: Callable[[], Outputs], tmp_path: Path, content: str
) -> None:
    """The error names the list."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/set-aside.json").write_text(content)
    with pytest.raises(HushdError, match=r"set-aside\.json' is not a list that hushd wrote"):
        made()
    assert (tmp_path / "out/set-aside.json").read_text() == content


@pytest.mark.parametrize(
    ("source", "target", "code"), [("none", "out", "input_unreadable"), (".", "file/x", "output_failed")]
)
def test_folders_that_cannot_be_used(tmp_path: Path, source: str, target: str, code: str) -> None:
    """They are errors of one sentence."""
    (tmp_path / "file").touch()

    def use() -> None:
        Folder(str(tmp_path / source), str(tmp_path / target))
        Outputs(str(tmp_path / target), "txt")

    with hushd_error(code):
        use()
