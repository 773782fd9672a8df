"""The user's recordings in the state folder, private and whole, and the sentences that they read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_tune import sentences
from hushd_tune.tuning_folder import TuningFolder, clips


def test_a_recording_is_private_and_comes_back(tmp_path: Path) -> None:
    """Recordings and sentences come back as they were; files are 0600, folders 0700."""
    kept = TuningFolder(tmp_path)
    kept.add("en", 7, "One two.", b"RIFF")
    assert {path.stat().st_mode & 0o777 for path in (kept.folder, kept.folder / "en")} == {0o700}
    (clip,) = kept.clips("en")
    assert (clip.path.name, clip.sentence, clip.path.read_bytes()) == ("07.wav", "One two.", b"RIFF")
    assert kept.has("en", 7, "One two.")
    assert not kept.has("en", 7, "Another.")
    assert not kept.has("de", 7, "One two.")
    assert {path.stat().st_mode & 0o777 for path in kept.folder.rglob("*") if path.is_file()} == {0o600}


def test_a_recording_without_a_text_does_not_count(tmp_path: Path) -> None:
    """Nor one with an empty text; a text that is not UTF-8 is refused in one sentence."""
    for name, text in (("a", "Hello.\n"), ("empty", " \n")):
        (tmp_path / f"{name}.wav").write_bytes(b"1")
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "alone.wav").write_bytes(b"3")
    assert [(clip.path.name, clip.sentence) for clip in clips(tmp_path)] == [("a.wav", "Hello.")]
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(HushdError, match=r"a\.txt is not in UTF-8"):
        clips(tmp_path)


@pytest.mark.parametrize("language", sentences.all_texts())
def test_there_are_twenty_sentences(language: str) -> None:
    """Twenty different ones of 5 to 14 words, without digits, which are read in many ways."""
    texts = sentences.of(language)
    assert len(set(texts)) == 20
    assert all(5 <= len(text.split()) <= 14 and not any(map(str.isdigit, text)) for text in texts), texts


def test_a_language_without_sentences_is_told_what_to_do() -> None:
    """It names the languages there are, and the way for all others."""
    with pytest.raises(HushdError, match=r"en, de, fr.*hushd tune DIR"):
        sentences.of("fi")
    assert sentences.of("pt-BR") == sentences.of("pt")
