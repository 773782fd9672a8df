"""Forty cold workers on a machine that other programs use up: what everybody else waits for them."""

from __future__ import annotations

import statistics
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator

from hushd import Client

from ..stage import Row, busy_loops
from .load import echo, one

WORKERS, PROGRAMS = 40, 3
LOOPS, LOOPS_S = 40, 60.0  # busy loops beside them, each of which ends by then


def crush(_: Namespace) -> Iterator[Row]:
    """40 cold workers beside 40 busy loops: requests lost, and the longest wait of another client's control."""
    ends: Counter[str] = Counter()
    waits: list[float] = []
    over = threading.Event()
    with busy_loops(LOOPS, LOOPS_S), echo("memory_mb = 40\n") as process, Client() as client:
        watcher = threading.Thread(target=_watch, args=(over, waits, ends))
        programs = [threading.Thread(target=_start, args=(number, ends)) for number in range(PROGRAMS)]
        began = time.perf_counter()
        used = process.cpu_times()
        for thread in (watcher, *programs):
            thread.start()
        for thread in programs:
            thread.join()
        seconds = time.perf_counter() - began
        over.set()
        watcher.join()
        cpu_s = sum(process.cpu_times()[:2]) - sum(used[:2])
        starts = sum(row.starts for row in client.status().workers)
    lost = ends.total() - ends["result"]
    note = str({code: count for code, count in ends.items() if code != "result"} or "")
    yield Row(f"crush: lost of {ends.total()} requests", lost, "", "0", ok=not lost, note=note)
    longest = max(waits)
    yield Row("crush: longest wait of a control", longest, "s", "< 1", ok=longest < 1, note=f"{len(waits)} asked")
    yield Row("crush: median wait of a control", 1000 * statistics.median(waits), "ms")
    yield Row("crush: processes for 40 workers", starts, "", note="more: some were killed and started again")
    yield Row("crush: CPU time of the supervisor", cpu_s, "s")
    yield Row("crush: until all were served", seconds, "s")


def _start(number: int, ends: Counter[str]) -> None:
    """One program, which asks its share of the workers, all at once."""

    def ask(client: Client, worker: str) -> None:
        try:
            one(client, worker)
        except Exception as error:
            ends[f"{getattr(error, 'code', type(error).__name__)}: {error}"] += 1
        else:
            ends["result"] += 1

    with Client() as client:
        names = [f"stt/echo/{worker}" for worker in range(number, WORKERS, PROGRAMS)]
        threads = [threading.Thread(target=ask, args=(client, name)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _watch(over: threading.Event, waits: list[float], ends: Counter[str]) -> None:
    """Asks for the status five times a second, and notes how long each answer took."""
    with Client() as client:
        while not over.is_set():
            began = time.perf_counter()
            try:
                client.status()
            except Exception as error:
                ends[f"status: {error}"] += 1
            waits.append(time.perf_counter() - began)
            over.wait(0.2)
