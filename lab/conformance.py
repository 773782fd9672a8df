"""Runs the conformance suite on every installed engine, each with a small model made for it.

    scripts/conformance                  all of them, in twenty minutes of the processor's time; ends with a table
    scripts/conformance tts/piper -k damage
    scripts/conformance client -- PROGRAM    another suite: that of the protocol, see docs/PROTOCOL.md; or `supervisor`

Further arguments go to `python -m hushd_conformance`.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT / "tests"), str(_ROOT / "lab")]

from support import small_models  # noqa: E402

_COLUMNS = ("engine", "cases", "passed", "failed", "excepted", "left out", "processor's time")


class Row(NamedTuple):
    """The line of an engine in the table: `totals` is the suite's last line, and `cpu_s` includes all processes."""

    name: str
    status: int
    totals: str
    cpu_s: float

    def __str__(self) -> str:
        counts = [re.search(rf"(\d+) {word}", self.totals) for word in _COLUMNS[1:-1]]
        cells = [f"`{self.name}`", *(count[1] if count else "0" for count in counts), f"{self.cpu_s:.0f} s"]
        return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> int:
    """Runs the suite on the engines in `arguments`, or on all; returns 1 if one has failed a case."""
    if arguments[:1] in (["client"], ["supervisor"]):
        return subprocess.call([sys.executable, "-P", "-m", "hushd_conformance.protocol", *arguments])
    names = [word for word in arguments if word in small_models.ENGINES] or list(small_models.ENGINES)
    options = [word for word in arguments if word not in small_models.ENGINES]
    rows = [row for name in names if (row := _play(name, options))]
    if played := [row for row in rows if row.totals]:
        print(f"\n| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}", *played, sep="\n")
    return max((row.status for row in rows), default=0)


def _play(name: str, options: list[str]) -> Row | None:
    """Runs the suite on an engine and prints its lines; returns None if it is not installed."""
    with tempfile.TemporaryDirectory(prefix="hushd-conformance-") as folder:
        small = small_models.make(name, Path(folder))
        if small is None:
            print(f"{name} is not installed.", flush=True)
            return None
        print(f"{name}:", flush=True)
        begun, last = _cpu_s(), ""
        command = [sys.executable, "-P", "-m", "hushd_conformance", *small.arguments, *options]
        environment = {**os.environ, **small.environment}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for last in process.stdout:
                print(last, end="", flush=True)
        totals = last if " cases, " in last else ""
        return Row(name, process.returncode, totals, _cpu_s() - begun)


def _cpu_s() -> float:
    """The seconds of the processor that ended processes of this one have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
