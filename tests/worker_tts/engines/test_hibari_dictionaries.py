"""hibari's dictionaries in a file: the same phonemes as from its own, and no file that is damaged, old or half."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hibari.g2p import G2P
from hushd_worker_tts.engines import hibari_dictionaries as dictionaries
from hushd_worker_tts.engines.hibari import Hibari
from support.peer import wait_until

DOCUMENT = (Path(__file__).parents[3] / "README.md").read_text()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hushd"


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.sqlite")) if cache.exists() else []


def on_tables(made: Any) -> bool:
    return isinstance(made.tagger.weights, dictionaries.Table)


@pytest.mark.parametrize("british", [False, True])
def test_the_same_phonemes(british: bool) -> None:
    """Of a document, and of words from all over both dictionaries, in either accent."""
    dictionaries.make(british)
    ours, own = dictionaries.phonemizer(british), G2P(british=british)
    assert on_tables(ours)
    words = [*list(own.lexicon.golds.d)[::301], *list(own.lexicon.silvers.d)[::301]]
    for text in (DOCUMENT, "", "\udc80 half a character", " ".join(words)):
        assert ours(text) == own(text)


def test_the_first_process_makes_them_for_the_next(cache: Path) -> None:
    """It speaks by hibari's own meanwhile."""
    assert not on_tables(dictionaries.phonemizer(british=False))
    wait_until(lambda: files(cache), "the tables")
    assert on_tables(dictionaries.phonemizer(british=False))


def test_another_release_of_hibari(cache: Path) -> None:
    """Its tables take the place of the old ones; those of the other accent stay."""
    cache.mkdir()
    old, other = cache / "hibari-us-1-old.sqlite", cache / "hibari-gb-1-old.sqlite"
    old.touch()
    other.touch()
    dictionaries.make(british=False)
    assert other in files(cache)
    assert old not in files(cache)
    assert len(files(cache)) == 2


@pytest.mark.parametrize("place", ["beginning", "middle", "end", "all"])
def test_a_damaged_file(place: str, cache: Path) -> None:
    """Whatever of it is overwritten or cut off, the text is spoken as by hibari itself, and the file is made anew."""
    dictionaries.make(british=False)
    (file,) = files(cache)
    before, size = file.stat().st_ino, file.stat().st_size
    with file.open("r+b") as content:
        if place == "end":
            content.truncate(size // 3)
        elif place == "all":
            content.truncate(0)
        else:
            content.seek(0 if place == "beginning" else size // 8)
            content.write(os.urandom(7 * size // 8 if place == "middle" else 100))
    engine = Hibari("en")
    assert engine._phonemes(DOCUMENT, british=False)[0] == own_phonemes(DOCUMENT)
    wait_until(lambda: [found for found in files(cache) if found.stat().st_ino != before], "new tables")
    assert on_tables(dictionaries.phonemizer(british=False))


def own_phonemes(text: str) -> str:
    engine = Hibari("en")
    engine._phonemizers[False] = G2P()
    return engine._phonemes(text, british=False)[0]


def test_no_place_for_them(tmp_path: Path) -> None:
    """Nothing is made and nothing is said of it where the folder is a file."""
    (tmp_path / "hushd").touch()
    assert not on_tables(dictionaries.phonemizer(british=False))
    with pytest.raises(OSError, match="exists"):
        dictionaries.make(british=False)


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with any number for a user: the text is spoken by hibari's own."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: Path("~nobody knows").expanduser())
    assert not on_tables(dictionaries.phonemizer(british=False))
