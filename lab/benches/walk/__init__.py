"""The way of a cold `say -o`: the files and functions of hushd's that it goes through, in each process."""

from __future__ import annotations

import os
import subprocess
import tempfile
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from ..stage import BIN, Row

_PROCESSES = {"-m hushd_supervisor": "supervisor", "-m hushd_worker": "worker"}  # by command lines; else the client


def walk(_: Namespace) -> Iterator[Row]:
    """Files, functions and ways from file to file of a cold `say -o x.wav "Hello there."`, until all have left."""
    functions, ways = defaultdict(set), defaultdict(set)
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        for process, file, number, origin in _noted(Path(folder)):
            functions[process].add((file, number))
            if origin not in ("", file):
                ways[process].add((origin, file))
    every = set().union(*functions.values())
    yield Row("walk files", len({file for file, _ in every}), "")
    yield Row("walk functions", len(every), "")
    yield Row("walk ways from file to file", len(set().union(*ways.values())), "")
    for process, called in sorted(functions.items()):
        files = len({file for file, _ in called})
        yield Row(f"walk {process}", len(called), "", note=f"functions, in {files} files, by {len(ways[process])} ways")
    for file, count in Counter(file for file, _ in every).most_common():
        yield Row(file, count, "", note=", ".join(sorted(p for p, called in functions.items() if file in dict(called))))


def _noted(folder: Path) -> Iterator[list[str]]:
    """Yields the process, file and line of each function called, and the file of its caller.

    A first `say`, which is not counted, leaves prepared files and learnt sizes.
    """
    (folder / "config.toml").write_text('[security]\nconfine = "off"\n')  # a confined worker cannot write notes
    environment = os.environ | {"HUSHD_CONFIG": str(folder / "config.toml"), "XDG_CACHE_HOME": str(folder / "cache")}
    environment |= {"HUSHD_RUNTIME_DIR": str(folder / "run"), "HUSHD_STATE_DIR": str(folder / "state")}
    notes = folder / "notes"
    notes.mkdir()
    for hook in ({}, {"HUSHD_WALK": str(notes), "PYTHONPATH": str(Path(__file__).parent)}):
        say = [BIN / "say", "-o", folder / "x.wav", "Hello there."]
        subprocess.run(say, check=True, env=environment | hook)
        subprocess.run([BIN / "hushd", "shutdown"], check=True, env=environment, stdout=subprocess.DEVNULL)
    for path in notes.iterdir():
        command, *lines = path.read_text().splitlines()
        process = next((name for words, name in _PROCESSES.items() if words in command), "client")
        yield from ([process, *line.split("\t")] for line in lines)
