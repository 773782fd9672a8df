"""The first command through a service manager's socket, with nothing of hushd running, against a running supervisor."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hushd import Client
from hushd_protocol.system import paths

from ..stage import BIN, SENTENCE, Row, supervisor, timed, wait_until_childless

RUNS = 15
PASSED = ("HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR", "HUSHD_CONFIG")


def activation(_: Namespace) -> Iterator[Row]:
    """`say -o` through an inactive activation socket, against a running supervisor; 15 runs each, in turn."""
    if shutil.which("systemd-socket-activate") is None:
        yield Row(
            "activation: first say", None, "s", "<= 1.2 x", note="not measured: there is no systemd-socket-activate"
        )
        return
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        say = [str(BIN / "say"), "-o", str(Path(folder) / "out.wav"), SENTENCE]
        times: tuple[list[float], list[float]] = ([], [])
        with supervisor("[worker]\nkeep_alive = -1\n") as process, Client() as client:
            running = os.environ["HUSHD_RUNTIME_DIR"]
            for _ in range(RUNS + 1):
                os.environ["HUSHD_RUNTIME_DIR"] = f"{running}-activated"
                with _listening():
                    times[0].append(timed(say))
                    with Client(start=False) as woken:
                        woken.shutdown()
                os.environ["HUSHD_RUNTIME_DIR"] = running
                times[1].append(timed(say))
                client.unload()
                wait_until_childless(process)
    value, floor = (statistics.median(column[1:]) for column in times)
    yield Row("activation: first say", value, "s", "<= 1.2 x", floor, value <= 1.2 * floor, "floor: supervisor running")


@contextmanager
def _listening() -> Iterator[None]:
    """A service manager that listens where clients look, and starts the supervisor when one comes."""
    where = paths.find()
    paths.prepare_runtime(where)
    where.client_socket.unlink(missing_ok=True)
    manager = subprocess.Popen(
        ["systemd-socket-activate", *(f"--setenv={name}" for name in PASSED), "-l", str(where.client_socket),
         sys.executable, "-P", "-m", "hushd_supervisor"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not where.client_socket.exists():
            time.sleep(0.01)
        yield
    finally:
        manager.terminate()
        manager.wait(30)
