"""Measures a program with very many threads, each with a client: refusals, the supervisor's size, and another program's
waits."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hushd import Client
from hushd_protocol.errors import HushdError

from ..peak import Peak
from ..stage import Row, mb, supervisor

THREADS = (100, 1000)
FAKE = Path(__file__).parents[3] / "tests" / "support" / "echo_worker.py"
WORKERS = f'[worker."stt/echo"]\ncommand = ["{sys.executable}", "{FAKE}", "--takes", "0.02"]\n'


def places(_: Namespace) -> Iterator[Row]:
    """100 and 1,000 threads with a client each, at once, on one worker of 20 ms a job; another program asks it too."""
    for threads in THREADS:
        yield from _crowd(threads)


def _crowd(threads: int) -> Iterator[Row]:
    with supervisor(WORKERS) as process, Client() as client:
        _ask(client)
        time.sleep(1)
        rest = mb(process)[0]
        peak = Peak(process)
        command = [sys.executable, "-m", "benches.supervision.places", str(threads)]
        there = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), *sys.path))}
        crowd = subprocess.Popen(
            command, env=there, cwd=Path(__file__).parents[2], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        crowd.stdout.readline()  # all are connected
        connected = mb(process)[0]
        crowd.stdin.close()
        times: list[float] = []
        statuses: list[float] = []
        began = time.monotonic()
        while crowd.poll() is None:
            asked = time.perf_counter()
            _ask(client)
            answered = time.perf_counter()
            client.status()
            times.append((answered - asked) * 1000)
            statuses.append((time.perf_counter() - answered) * 1000)
            time.sleep(0.01)
        took = time.monotonic() - began
        highest = peak.stop()
        ends = crowd.stdout.read().strip()
    times.sort()
    statuses.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    refused = threads - int(ends.partition(" ")[0])
    name = f"places: {threads} threads"
    yield Row(f"{name}, refused", refused, "", "0", ok=not refused, note=f"{ends}, in {took:.1f} s")
    note = f"{len(times)} requests, p50 {p50:.0f}, longest {times[-1]:.0f}"
    yield Row(f"{name}, another program's p99", p99, "ms", "<= 250", ok=p99 <= 250, note=note)
    p99 = statuses[int(len(statuses) * 0.99)]
    note = f"p50 {statuses[len(statuses) // 2]:.1f}, longest {statuses[-1]:.0f}"
    yield Row(f"{name}, another program's status, p99", p99, "ms", "<= 20", ok=p99 <= 20, note=note)
    note = f"{rest:.1f} at rest, {connected:.1f} once all are connected, {highest:.1f} at most"
    more = highest - connected
    yield Row(f"{name}, RSS while they wait, more", more, "MB", "<= 16", ok=more <= 16, note=note)


def _ask(client: Client) -> None:
    client.transcribe(bytes(3200), rate=16000, channels=1, engine="echo", model="1")


# --- in a process of its own -----------------------------------------------------------------------------------------


def _run(count: int) -> None:
    """Has each of `count` threads ask once, all at the same time; prints how these requests ended."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    threading.stack_size(256 * 1024)
    ready, go = threading.Barrier(count + 1), threading.Event()
    ends: Counter[str] = Counter()

    def one() -> None:
        with Client() as client:
            client.status()
            ready.wait()
            go.wait()
            try:
                _ask(client)
                ends["served"] += 1
            except HushdError as error:
                ends[error.code] += 1

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    print("ready", flush=True)
    sys.stdin.read()
    go.set()
    for thread in threads:
        thread.join()
    print(ends.pop("served", 0), "served", dict(ends) or "")


if __name__ == "__main__":
    _run(int(sys.argv[1]))
