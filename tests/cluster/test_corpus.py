"""The recordings of a folder that are to be transcribed, and the places of their transcripts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cluster.corpus import Corpus, Failure
from hushd_protocol.errors import HushdError

SAID = Transcript((Segment(0, 0.0, 1.0, "Hello."),))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Two recordings of one name, one in a folder, and a file that is not one; the transcripts come among them."""
    for name in ("talk.wav", "talk.mp3", "b/c.FLAC", "notes.txt", ".hidden.wav", "out/old.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return Corpus(str(tmp_path), str(tmp_path / "out"), "txt")


def test_recordings_are_known_by_their_suffix(corpus: Corpus) -> None:
    """In any case and folder, but not hidden, and not those in the folder of transcripts."""
    assert [name for name, _ in corpus.found()] == ["talk.mp3", "talk.wav", "b/c.FLAC"]


def test_each_recording_has_a_transcript_of_its_own(corpus: Corpus, tmp_path: Path) -> None:
    """Under its whole name, so that two of one stem do not share it."""
    for name, state in corpus.found():
        assert not corpus.is_done(name, state)
        corpus.save(name, SAID)
        assert corpus.is_done(name, state)
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.txt")}
    assert written == {"talk.mp3.txt", "talk.wav.txt", "b/c.FLAC.txt"}
    assert (tmp_path / "out/talk.wav.txt").read_text() == "Hello.\n"


def test_a_recording_that_has_changed_is_not_done(corpus: Corpus, tmp_path: Path) -> None:
    """Its transcript is older."""
    corpus.save("talk.wav", SAID)
    os.utime(tmp_path / "out/talk.wav.txt", (1, 1))
    assert not corpus.is_done("talk.wav", dict(corpus.found())["talk.wav"])


def test_what_was_set_aside_is_remembered_until_it_is_transcribed(corpus: Corpus, tmp_path: Path) -> None:
    """In a file that another run reads."""
    failure = Failure("input_unreadable", "'talk.wav' is empty.", 4, 1)
    corpus.put_aside("talk.wav", failure)
    again = Corpus(str(tmp_path), str(tmp_path / "out"), "txt")
    assert again.set_aside == {"talk.wav": failure}
    again.save("talk.wav", SAID)
    assert json.loads((tmp_path / "out/set-aside.json").read_text()) == {}


def test_a_list_that_hushd_did_not_write_is_left_alone(tmp_path: Path) -> None:
    """And the error names it."""
    (tmp_path / "set-aside.json").write_text("[1]")
    with pytest.raises(HushdError, match=r"set-aside\.json' is not a list that hushd wrote"):
        Corpus(str(tmp_path), str(tmp_path), "txt")


@pytest.mark.parametrize(
    ("source", "target", "code"), [("none", "out", "input_unreadable"), (".", "file/x", "output_failed")]
)
def test_folders_that_cannot_be_used(tmp_path: Path, source: str, target: str, code: str) -> None:
    """They are errors of one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(HushdError) as raised:
        Corpus(str(tmp_path / source), str(tmp_path / target), "txt")
    assert raised.value.code == code
