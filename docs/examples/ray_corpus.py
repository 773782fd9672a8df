"""Makes a folder of recordings searchable: all nodes of a Ray cluster transcribe it, and SQLite finds the sentences.

    pip install 'hushd[default,ray]'                       # on every node
    ray start --head                                       # on the first one; it prints the command for the others
    python ray_corpus.py transcribe recordings texts       # on any of them
    python ray_corpus.py search texts "NEAR(release date)"  # file, time and text; SQLite's full-text queries

The same command continues an interrupted run, and adds new recordings. texts/set-aside.json lists unreadable ones. On
a single machine leave out `ray start`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path


def transcribe(recordings: Path, texts: Path) -> int:
    """Transcribes new recordings on the cluster, and rebuilds the index; returns the exit code."""
    command = [sys.executable, "-m", "hushd", "cluster", "transcribe", str(recordings), "-o", str(texts), "-f", "json"]
    code = subprocess.run(command).returncode
    if not texts.is_dir():  # no recordings, or no cluster, as the command has reported
        return code
    with closing(sqlite3.connect(texts / "index.db")) as index, index:
        index.execute("DROP TABLE IF EXISTS sentences")
        index.execute("CREATE VIRTUAL TABLE sentences USING fts5 (text, file UNINDEXED, start UNINDEXED)")
        for path in sorted(texts.rglob("*.*.json")):  # RECORDING.wav.json
            name = str(path.relative_to(texts).with_suffix(""))
            rows = ((each["text"], name, each["start"]) for each in json.loads(path.read_text())["segments"])
            index.executemany("INSERT INTO sentences VALUES (?, ?, ?)", rows)
    return code


def search(texts: Path, query: str) -> int:
    """Prints the matching sentences, the best first; returns 1 if there are none."""
    if not (texts / "index.db").exists():
        sys.exit(f"{texts} has no index: run `ray_corpus.py transcribe RECORDINGS {texts}` first.")
    with closing(sqlite3.connect(texts / "index.db")) as index:
        matches = "SELECT file, start, text FROM sentences WHERE sentences MATCH ? ORDER BY rank"
        try:
            rows = index.execute(matches, [query]).fetchall()
        except sqlite3.OperationalError as error:
            sys.exit(f"SQLite takes no such query ({error}): put words with other characters into double quotes.")
    for name, start, text in rows:
        print(f"{name} {timedelta(seconds=int(start))}: {text.strip()}")
    return int(not rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes a folder of recordings searchable.")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("transcribe", help="have the cluster transcribe what is new")
    first.add_argument("recordings", type=Path)
    first.add_argument("texts", type=Path)
    second = commands.add_parser("search", help="find sentences")
    second.add_argument("texts", type=Path)
    second.add_argument("query")
    options = parser.parse_args()
    if options.command == "transcribe":
        return transcribe(options.recordings, options.texts)
    return search(options.texts, options.query)


if __name__ == "__main__":
    sys.exit(main())
