"""Keeps hibari's dictionaries as tables in a file, from which a worker only reads the words to speak.

The package has them as 3.4 MB of compressed JSON. Decoding that takes 0.23 s of every cold start and 105 MB of private
memory of every worker. The tables are made once, during the first speech, and put into the cache folder; all workers
share their pages. They are an SQLite file, since its lookups are fast enough (4 µs) and Python includes SQLite.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import prepared
from . import files
from .files import assets

if TYPE_CHECKING:
    from sqlite3 import Connection

_REMEMBERED = 2048  # entries of a table: the features of short words are needed repeatedly
_SESSION = f"{__package__}.session"  # which optimises a voice's model
_FORMAT = 1  # version of the tables
_URI_ESCAPES = str.maketrans({"%": "%25", "?": "%3f", "#": "%23"})  # https://sqlite.org/uri.html
_damaged: set[bool] = set()  # the accents whose tables are, as this process has found


class Damaged(Exception):
    """The tables cannot be read."""


def phonemizer(british: bool) -> Any:
    """Returns hibari's `G2P` with the tables; if there are none, hibari's own, and makes the tables for the next
    worker."""
    try:
        return _on_tables(_open(british), british)
    except (ImportError, OSError, Damaged):  # a Python may have been built without SQLite
        from hibari.g2p import G2P

        prepared.make_beside(__name__, _accent(british))
        return G2P(british=british)


def prepare() -> None:
    """Has the files made that confined workers have missed, before this one gives up the right to."""
    with suppress(OSError, RuntimeError):
        missed = prepared.missed()
        if missed == set():
            return
        voices = {name: (_SESSION, str(files.voice_file(name))) for name in files.registry()}
        usual = [(__name__, _accent(british=False)), voices["heart"]]
        known = [*usual, (__name__, _accent(british=True)), *voices.values()]
        for module, word in usual if missed is None else known:
            if missed is None or (module, word) in missed:
                prepared.make_beside(module, word)


def make(british: bool) -> None:
    """Makes the tables. Raises OSError if they cannot be written."""
    prepared.keep(_place(british), _name(british), lambda: _tables(british))


def remove(british: bool) -> None:
    """Removes damaged tables, which a confined worker only no longer reads."""
    _damaged.add(british)
    with suppress(OSError):
        _place(british).unlink()


class Table:
    """A table of the file, with `get` and `in` like a dictionary; both raise `Damaged`."""

    def __init__(self, tables: Connection, name: str) -> None:
        self._tables = tables
        self._error = sqlite3.DatabaseError
        self._query = f"SELECT value FROM {name} WHERE key = ?"
        self.get = lru_cache(_REMEMBERED)(self._get)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def _get(self, key: str) -> Any:
        try:
            row = self._tables.execute(self._query, (key,)).fetchone()
            return json.loads(row[0]) if row else None
        except UnicodeEncodeError:  # a lone surrogate
            return None
        except (self._error, ValueError) as error:
            raise Damaged from error


def _open(british: bool) -> Connection:
    place = _place(british)
    if british in _damaged or not place.exists():
        raise FileNotFoundError(place)
    try:
        # `immutable`: no process writes to the file, so SQLite needs no lock and need not look for a journal. `as_uri`
        # would import urllib.
        uri = f"file:{str(place).translate(_URI_ESCAPES)}?immutable=1"
        tables = sqlite3.connect(uri, uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        raise Damaged from error
    try:
        tables.execute("PRAGMA mmap_size = 268435456")
        tables.execute("PRAGMA cache_size = -256")
    except sqlite3.Error as error:
        tables.close()
        raise Damaged from error
    return tables


def _on_tables(tables: Connection, british: bool) -> Any:
    from hibari import g2p

    made = g2p.G2P.__new__(g2p.G2P)
    weakref.finalize(made, tables.close)
    tags = Table(tables, "tags").get("")
    made.lexicon = g2p.lexicon.Lexicon(Table(tables, "gold"), Table(tables, "silver"), british)
    made.tokenizer = g2p.tokenize.Tokenizer(g2p._load_json("tokenizer_exceptions.json"))
    made.tagger = g2p.tagger.Tagger(
        {"tags": tags, "tagdict": Table(tables, "tagdict"), "weights": Table(tables, "weights")}
    )
    made.tagger.vocab = Table(tables, "vocab")
    made._oov, made.unk, made.british = None, "", british
    return made


def _tables(british: bool) -> bytes:
    gold, silver, tagger = (json.loads(gzip.decompress(source.read_bytes())) for source in _sources(british))
    contents: dict[str, Mapping[str, Any]] = {
        "gold": gold, "silver": silver, "tagdict": tagger["tagdict"], "weights": tagger["weights"],
        "vocab": dict.fromkeys(tagger["vocab"], 1), "tags": {"": tagger["tags"]},
    }  # fmt: skip
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("BEGIN")
        for name, content in contents.items():
            database.execute(f"CREATE TABLE {name} (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
            database.executemany(f"INSERT INTO {name} VALUES (?, ?)", _rows(content))
        database.execute("COMMIT")
        return database.serialize()


def _rows(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in sorted(content):
        yield key, json.dumps(content[key], ensure_ascii=False, separators=(",", ":"))


def _accent(british: bool) -> str:
    return "gb" if british else "us"


def _name(british: bool) -> str:
    return f"hibari-{_accent(british)}-{_FORMAT}"


def _place(british: bool) -> Path:
    return prepared.place(_name(british), _sources(british), ".sqlite")


def _sources(british: bool) -> list[Path]:
    """Returns hibari's files of words, of rare words, and of parts of speech."""
    accent = _accent(british)
    names = (f"lexicon_{accent}_gold.json.gz", f"lexicon_{accent}_silver.json.gz", "tagger.json.gz")
    return [assets() / name for name in names]


if __name__ == "__main__":
    prepared.make_alone(lambda accent: make(accent == "gb"))
