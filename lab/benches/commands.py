"""Measures the start of commands."""

from __future__ import annotations

import statistics
import sys
from argparse import Namespace
from collections.abc import Iterator

from .stage import BIN, Row, supervisor, timed

TRIES = 15


def commands(_: Namespace) -> Iterator[Row]:
    """`hushd --help`, `hushd status` and `hushd completion bash`, from exec to exit."""
    with supervisor():
        for words, goal in ((["--help"], 120), (["status"], 150), (["completion", "bash"], None)):
            times = [timed([str(BIN / "hushd"), *words]) * 1000 for _ in range(TRIES)]
            took = statistics.median(times)
            bare = statistics.median(timed([sys.executable, "-c", "pass"]) * 1000 for _ in range(TRIES))
            ok = took <= goal if goal else None
            yield Row(f"commands: hushd {' '.join(words)}", took, "ms", f"<= {goal}" if goal else "", bare, ok)
