"""A supervisor with an echo worker, and the delay that a hung worker causes for others."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol import messages as m

from ..stage import Row, supervisor
from .relay import ECHO

HANG_S = 20.0  # of asking, with and without a neighbour that hangs
FAKE = Path(__file__).parents[3] / "tests" / "support" / "fake_worker.py"


@contextmanager
def echo(more: str = "") -> Iterator[psutil.Process]:
    """A supervisor with the worker `stt/echo`, which answers at once."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        config = f'[worker."stt/echo"]\ncommand = ["{sys.executable}", "{script}"]\nkeep_alive = -1\n{more}'
        with supervisor(config) as process:
            yield process


def hang(_: Namespace) -> Iterator[Row]:
    """A worker that hangs, and one that is stopped: what their neighbour's requests wait for it."""
    hung = f'[worker."stt/hung"]\ncommand = ["{sys.executable}", "{FAKE}", "--hang"]\nstall_timeout = 1\n'
    with echo(hung) as _process, Client() as client:
        client.preload("stt/echo/1")
        _ask(client, 1.0)
        alone = _ask(client, HANG_S)
        over = threading.Event()
        ends: Counter[str] = Counter()
        others = [
            threading.Thread(target=_use, args=(name, over, ends))
            for name in ("stt/hung/a", "stt/hung/b", "stt/echo/2")
        ]
        for thread in others:
            thread.start()
        beside = _ask(client, HANG_S)
        over.set()
        client.unload("stt/hung", "stt/echo/2")
        for thread in others:
            thread.join()
    p50 = statistics.median(alone)
    yield Row("hang: p50 alone", p50, "ms")
    yield Row("hang: p50 beside them", statistics.median(beside), "ms", "", p50)
    yield Row("hang: longest alone", max(alone), "ms")
    late = max(beside) - p50
    yield Row(
        "hang: longest beside them, more",
        late,
        "ms",
        "<= 50",
        ok=late <= 50,
        note=f"{len(beside)} requests; theirs: {dict(ends)}",
    )


def _ask(client: Client, seconds: float) -> list[float]:
    """Milliseconds of requests to the good worker, one after the other."""
    times = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        one(client, "stt/echo/1")
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    return times


def one(client: Client, worker: str) -> None:
    client.link.connect().start(m.Request(id=new_id(), worker=worker, op="echo", params={}, credit=8)).result()


def _use(worker: str, over: threading.Event, ends: Counter[str]) -> None:
    """Asks a worker that never answers, again and again; one that would is stopped before each request."""
    with Client() as client:
        while not over.is_set():
            try:
                if "echo" in worker:
                    client.preload(worker)
                    (pid,) = [row.pid for row in client.status().workers if row.name == worker]
                    os.kill(pid, signal.SIGSTOP)
                one(client, worker)
            except Exception as error:
                ends[getattr(error, "code", type(error).__name__)] += 1
