"""The names of a corpus by the million, in a nameless file that ends with the process: memory stays flat."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable

CACHE_KB = 8000


class Ledger:
    """Tables of names, for one thread; they end with it, or by `close`."""

    def __init__(self) -> None:
        # SQLite's own temporary file; a collector of garbage may close it on any thread.
        self._tables = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._end = weakref.finalize(self, self._tables.close)  # Python from 3.13 on warns of one that is left open
        self._tables.execute("PRAGMA journal_mode = OFF")
        self._tables.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        for table in ("written", "taken"):
            self._tables.execute(f"CREATE TABLE {table} (name TEXT PRIMARY KEY, at INTEGER) WITHOUT ROWID")

    def learn(self, outputs: Iterable[tuple[str, int]]) -> None:
        """Notes the files that are there, with the times of their last changes."""
        self._tables.execute("BEGIN")
        try:
            self._tables.executemany("INSERT OR REPLACE INTO written VALUES (?, ?)", outputs)
        finally:  # those before a failure too, since there is no journal to go back by
            self._tables.execute("COMMIT")

    def written(self, name: str) -> int | None:
        """Returns the time of the last change of a file that is there; None if it is not."""
        row = self._tables.execute("SELECT at FROM written WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else None

    def take(self, name: str) -> bool:
        """Notes a recording of this run; returns False if it was noted before."""
        return bool(self._tables.execute("INSERT OR IGNORE INTO taken VALUES (?, 0)", (name,)).rowcount)

    def close(self) -> None:
        """Removes all."""
        self._end()
