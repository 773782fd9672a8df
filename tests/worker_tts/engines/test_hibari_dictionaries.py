"""hibari's dictionaries in a file: the same phonemes as from its own, and no file that is damaged, old or half."""

from __future__ import annotations

import fcntl
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hibari.g2p import G2P
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Limit
from hushd_worker_tts.engines import prepared
from hushd_worker_tts.engines.hibari import Hibari
from hushd_worker_tts.engines.hibari_internals import dictionaries

DOCUMENT = (Path(__file__).parents[3] / "README.md").read_text()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hushd"


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.sqlite")) if cache.exists() else []


def on_tables(made: Any) -> bool:
    return isinstance(made.tagger.weights, dictionaries.Table)


@pytest.fixture(scope="module")
def american() -> G2P:
    """hibari's own dictionaries."""
    return G2P()


@pytest.fixture(scope="module")
def whole() -> bytes:
    return dictionaries._tables(british=False)


@pytest.mark.parametrize("british", [False, True])
def test_the_same_phonemes(american: G2P, whole: bytes, cache: Path, british: bool) -> None:
    """The text is a document, and words from all over both dictionaries, in either accent."""
    cache.mkdir()
    dictionaries._place(british).write_bytes(dictionaries._tables(british=True) if british else whole)
    ours, own = dictionaries.phonemizer(british), G2P(british=True) if british else american
    assert on_tables(ours)
    words = [*list(own.lexicon.golds.d)[::301], *list(own.lexicon.silvers.d)[::301]]
    for text in (DOCUMENT, "", "\udc80 half a character", " ".join(words)):
        assert ours(text) == own(text)


def test_the_first_process_makes_them_for_the_next(cache: Path, wait_for_prepared: Callable[[], None]) -> None:
    """It speaks by hibari's own meanwhile."""
    assert not on_tables(dictionaries.phonemizer(british=False))
    wait_for_prepared()
    assert len(files(cache)) == 1
    assert on_tables(dictionaries.phonemizer(british=False))


@pytest.fixture(scope="module")
def spoken(american: G2P) -> str:
    """The phonemes of the document by hibari's own dictionaries."""
    engine = Hibari("en")
    engine._phonemizers[False] = american
    return engine._phonemes(DOCUMENT, british=False)[0]


@pytest.mark.parametrize("damage", [
    lambda content: os.urandom(100) + content[100:],
    lambda content: content[: len(content) // 8] + os.urandom(len(content) * 7 // 8),
    lambda content: content[: len(content) // 3], lambda content: b"",
], ids=["beginning", "middle", "end", "all"])  # fmt: skip
def test_a_damaged_file(
    damage: Callable[[bytes], bytes], whole: bytes, spoken: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of it is overwritten or cut off, the text is spoken as by hibari itself, and the file is made anew."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(dictionaries.prepared, "make_beside", lambda *words: asked.append(words))
    cache.mkdir()
    dictionaries._place(british=False).write_bytes(damage(whole))
    assert Hibari("en")._phonemes(DOCUMENT, british=False)[0] == spoken
    assert asked == [(dictionaries.__name__, "us")]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux says which files are open")
def test_a_file_is_closed_with_its_phonemizer(whole: bytes, cache: Path) -> None:
    """Damaged tables that have been removed take no more room on the disk, though the worker goes on."""
    cache.mkdir()
    dictionaries._place(british=False).write_bytes(whole)
    made = dictionaries.phonemizer(british=False)
    assert open_files(cache) == files(cache)
    dictionaries.remove(british=False)
    with without_collection():
        del made
        assert open_files(cache) == []


def open_files(folder: Path) -> list[Path]:
    """The files of a folder that this process has open."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one by which they are listed
            names.append(Path(os.readlink(f"/proc/self/fd/{number}")))
    return [name for name in names if name.is_relative_to(folder)]


@contextmanager
def without_collection() -> Iterator[None]:
    """Keeps what the collector alone would end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_one_process_makes_them(whole: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one that is asked meanwhile leaves it to the first."""
    monkeypatch.setattr(dictionaries, "_tables", lambda british: whole)
    cache.mkdir()
    with (cache / "hibari-us-1.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dictionaries.make(british=False)
    assert files(cache) == []
    dictionaries.make(british=False)
    assert len(files(cache)) == 1


def test_no_file_is_made_while_memory_is_critically_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A maker that works ends at the first look that finds less than 7 % available, and its memory is free."""
    looks, ends = iter([Limit(100, 50), Limit(100, 8), Limit(100, 6)]), list[int]()
    monkeypatch.setattr(footprint, "machine", lambda *_: next(looks))
    monkeypatch.setattr(os, "_exit", ends.append)
    for _ in range(3):
        assert ends == []
        prepared._end_if_unwanted(-1)
    assert ends == [0]
