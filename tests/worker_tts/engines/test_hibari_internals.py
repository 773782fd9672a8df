"""The parts that stand in for hibari's: they do as it does."""

from __future__ import annotations

from pathlib import Path

import hibari
import numpy as np
import pytest
from hibari.g2p import G2P
from hushd_worker_tts.engines.hibari_internals import files, reading, session

TEXT = "Dr. Rowling didn't read 3.5 GB in '97; the record, well-known, was re-read at 10am for $5."


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is prepared, and nothing is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(session.prepared, "make_beside", lambda *_: None)


@pytest.fixture(scope="module")
def own() -> G2P:
    """hibari's own phonemizer."""
    return G2P()


@pytest.mark.parametrize("text", [TEXT, "", "…", " a  b ", "[hushd](/hʌʃt/) speaks"])
def test_phonemes_are_those_of_hibaris_own_call(own: G2P, text: str) -> None:
    """Each word begins where it is said to."""
    phonemes, words = reading.phonemize(own, text)
    assert phonemes.strip() == own(text)
    starts = [start for _, start in words]
    assert starts == sorted(starts)
    assert all(start == 0 or phonemes[start - 1] == " " for start in starts)


@pytest.mark.parametrize("signs", ["[", "a/"])
def test_signs_without_a_blank_are_read_in_bounded_work_each(own: G2P, signs: str) -> None:
    """8,000 of them, for which hibari's own call would need hours: each part of a word is looked at with each other."""
    _, words = reading.read(own, signs * (8000 // len(signs)))
    assert len(words) > 500


def test_samples_are_those_of_hibaris_own_session() -> None:
    """Every bit is the same, and each phoneme has an end."""
    own = hibari.Hibari()
    ids = own.ids(own.phonemize(TEXT)[0])
    ours = session.open_session(files.voice_file("heart"))
    samples, ends = session.speak(ours, ids, 1.25, np.random.default_rng(0))
    assert np.array_equal(samples, own.from_ids(ids, 1.25, np.random.default_rng(0)))
    assert len(ends) == len(ids)
