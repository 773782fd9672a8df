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
        columns = {"written": "name TEXT PRIMARY KEY, at INTEGER, passed INTEGER", "taken": "name TEXT PRIMARY KEY"}
        for table, named in columns.items():
            self._tables.execute(f"CREATE TABLE {table} ({named}) WITHOUT ROWID")
        self._tables.execute("BEGIN")  # for good: a transaction for each name would take most of the time

    def learn(self, outputs: Iterable[tuple[str, int]]) -> None:
        """Notes the files that are there, with the times of their last changes."""
        self._tables.executemany("INSERT OR REPLACE INTO written VALUES (?, ?, 0)", outputs)

    def written(self, name: str) -> int | None:
        """Returns the time of the last change of a file that is there; None if it is not."""
        row = self._tables.execute("SELECT at FROM written WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else None

    def pass_over(self, name: str) -> bool:
        """Returns whether a file is there, the first time that it is asked about; later False."""
        return bool(
            self._tables.execute("UPDATE written SET passed = 1 WHERE name = ? AND passed = 0", (name,)).rowcount
        )

    def is_passed(self, name: str) -> bool:
        """Returns whether `pass_over` has returned True for a file."""
        return bool(self._tables.execute("SELECT 1 FROM written WHERE name = ? AND passed = 1", (name,)).fetchone())

    def take(self, name: str) -> bool:
        """Notes a recording of this run; returns False if it was noted before."""
        return bool(self._tables.execute("INSERT OR IGNORE INTO taken VALUES (?)", (name,)).rowcount)

    def close(self) -> None:
        """Removes all."""
        self._end()
