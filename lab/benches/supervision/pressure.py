"""The time from the kernel's report of critical memory pressure to the memory being free."""

from __future__ import annotations

import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from hushd import Client

from ..stage import Row, supervisor, tree_pss, wait_until_childless

ROUNDS = 5


def pressure(_: Namespace) -> Iterator[Row]:
    """From critical pressure to the memory of both idle workers being free: the slowest of 5."""
    times, freed = [], 0.0
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        pipe = Path(folder) / "pressure"
        os.mkfifo(pipe)
        for _ in range(ROUNDS):
            # Each with a supervisor of its own: a level holds for 10 s.
            with supervisor("[worker]\nkeep_alive = -1\n", HUSHD_PRESSURE=str(pipe)) as process, Client() as client:
                client.preload("tts", "stt")
                full = tree_pss(process)
                began = time.perf_counter()
                pipe.write_text("critical\n")
                wait_until_childless(process)
                times.append(time.perf_counter() - began)
                freed = full - tree_pss(process)
    yield Row("pressure: critical to memory free", max(times), "s", "< 1", ok=max(times) < 1)
    yield Row("pressure: freed", freed, "MB")
