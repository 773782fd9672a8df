"""The user's recordings in the state folder: private, whole, heard once, and forgotten on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_tune import sentences
from hushd_tune.tuning_folder import Hearing, TuningFolder, clips

HEARING = Hearing(text="one", work_s=0.5, first_s=0.25, audio_s=2.0, memory_mb=300.0)


def test_what_is_kept_is_private_and_comes_back(tmp_path: Path) -> None:
    """Recordings, sentences and texts come back as they were; files are 0600, folders 0700."""
    kept = TuningFolder(tmp_path)
    kept.add("en", 7, "One two.", b"RIFF")
    assert {path.stat().st_mode & 0o777 for path in (kept.folder, kept.folder / "en")} == {0o700}
    kept.keep({"a/b": {"key": HEARING}})
    (clip,) = kept.clips("en")
    assert (clip.name, clip.sentence, clip.path.read_bytes()) == ("07.wav", "One two.", b"RIFF")
    assert kept.has("en", 7, "One two.")
    assert not kept.has("en", 7, "Another.")
    assert not kept.has("de", 7, "One two.")
    assert kept.heard() == {"a/b": {"key": HEARING}}
    assert {path.stat().st_mode & 0o777 for path in kept.folder.rglob("*") if path.is_file()} == {0o600}


def test_a_recording_is_known_by_its_content_and_language(tmp_path: Path) -> None:
    """The same sound under another name has been heard; other sound, or another language, has not."""
    for name, sound in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / f"{name}.wav").write_bytes(sound)
        (tmp_path / f"{name}.txt").write_text("Hello.\n")
    (tmp_path / "alone.wav").write_bytes(b"3")
    (tmp_path / "empty.wav").write_bytes(b"3")
    (tmp_path / "empty.txt").write_text(" \n")
    a, b, c = clips(tmp_path, "en")
    assert a.key == b.key != c.key
    assert clips(tmp_path, "de")[0].key != a.key


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"a/b": 3}', b'{"a/b": {"key": {"text": 3}}}', b"[" * 10_000])
def test_damaged_texts_count_as_none(tmp_path: Path, damage: bytes) -> None:
    """The models hear once more."""
    kept = TuningFolder(tmp_path)
    kept.keep({})
    (kept.folder / "heard.json").write_bytes(damage)
    assert kept.heard() == {}


def test_forgetting_leaves_nothing(tmp_path: Path) -> None:
    """Everything is removed; a second time there is nothing; a link is removed, and not what it names."""
    kept = TuningFolder(tmp_path / "state")
    kept.add("en", 1, "One.", b"RIFF")
    assert (kept.forget(), kept.forget(), kept.folder.exists()) == (1, 0, False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").touch()
    kept.folder.symlink_to(tmp_path / "other")
    kept.forget()
    assert (tmp_path / "other" / "mine").exists()
    assert not kept.folder.is_symlink()


def test_texts_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """In one sentence, with the file's name; and so is a recording that is not there."""
    recording = tmp_path / "a.wav"
    recording.symlink_to("missing")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(HushdError, match=r"a\.txt is not in UTF-8"):
        clips(tmp_path, "en")
    (tmp_path / "a.txt").write_text("One.")
    with pytest.raises(HushdError, match=r"a\.wav cannot be read \(No such file"):
        clips(tmp_path, "en")


@pytest.mark.parametrize("language", sentences.LANGUAGES)
def test_there_are_twenty_sentences(language: str) -> None:
    """Twenty different ones of 5 to 14 words, without digits, which are read in many ways."""
    texts = sentences.of(language)
    assert len(set(texts)) == 20
    assert all(5 <= len(text.split()) <= 14 and not any(map(str.isdigit, text)) for text in texts), json.dumps(texts)


def test_a_language_without_sentences_is_told_what_to_do() -> None:
    """It names the languages there are, and the way for all others."""
    with pytest.raises(HushdError, match=r"en, de, fr.*hushd tune DIR"):
        sentences.of("fi")
    assert sentences.of("pt-BR") == sentences.of("pt")
