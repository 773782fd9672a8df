"""The price of the simulation's points (`hushd_protocol.buggify`) where no simulation runs."""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
import timeit
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
from hushd import Client
from hushd_protocol import messages as m
from hushd_protocol.buggify import buggify
from hushd_protocol.codec import Decoder
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.system import paths

from ..stage import Row, mb, supervisor
from .relay import ECHO, connect

PACKAGES = ("hushd_supervisor", "hushd_protocol", "hushd_worker")
REQUESTS, CALLS, STARTS = 1000, 100_000, 9

# In the place of `buggify` in supervisor and worker: a byte in a file for each call.
COUNTED = """
import os
calls = os.open({file!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
def buggify(point):
    os.write(calls, b".")
    return False
"""


def points(_: Namespace) -> Iterator[Row]:
    """CPU time of the calls in a relayed request, of supervisor and worker, and idle RSS against code without them."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        ours, counted, without = (_copied(Path(name, kind)) for kind in ("ours", "counted", "without"))
        calls = Path(name, "calls")
        (counted / "hushd_protocol/buggify.py").write_text(COUNTED.format(file=str(calls)))
        for path in without.rglob("*.py"):
            path.write_text(re.sub(r'\bbuggify\("[^"]+"\)', "False", path.read_text()))
        with _house(counted) as (ask, _processes):
            before = calls.stat().st_size
            _ask_all(ask)
            each = (calls.stat().st_size - before) / REQUESTS
        with _house(ours) as (ask, processes):
            before_us = sum(map(_cpu_us, processes))
            _ask_all(ask)
            request_us = (sum(map(_cpu_us, processes)) - before_us) / REQUESTS
        sizes = [(_idle_mb(ours), _idle_mb(without)) for _ in range(STARTS)]
    call_us = min(timeit.repeat(lambda: buggify("name"), repeat=20, number=CALLS)) / CALLS * 1e6
    cost = each * call_us
    note = f"{each:.1f} calls of {1000 * call_us:.0f} ns; floor: CPU time of a relayed request"
    yield Row("points: CPU time in a relayed request", cost, "us", "<= 1 %", request_us, cost <= request_us / 100, note)
    value, floor = (statistics.median(column) for column in zip(*sizes, strict=True))
    yield Row("points: idle RSS", value, "MB", "<= +0.1", floor, value - floor <= 0.1, f"{value - floor:+.3f} MB")


def _copied(folder: Path) -> Path:
    """A folder with copies of the packages."""
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        shutil.copytree(spec.submodule_search_locations[0], folder / package)
    return folder


def _ask_all(ask: Callable[[int], None]) -> None:
    for number in range(1, REQUESTS + 1):
        ask(number)


@contextmanager
def _house(folder: Path) -> Iterator[tuple[Callable[[int], None], list[psutil.Process]]]:
    """A supervisor and a warm worker of the packages in a folder: asks them, and their processes."""
    (folder / "echo.py").write_text(ECHO)
    command = f'command = ["{sys.executable}", "{folder}/echo.py"]\nkeep_alive = -1\n'
    config = f'[worker."stt/echo"]\n{command}environment = {{ PYTHONPATH = "{folder}" }}\n'
    with supervisor(config, PYTHONPATH=str(folder)) as process, Client() as client:
        client.preload("stt/echo/1")
        socket, decoder = connect(f"ipc://{paths.find().client_socket}"), Decoder(m.TO_CLIENT)
        socket.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="bench")))
        socket.recv_multipart()

        def ask(number: int) -> None:
            name = number.to_bytes(16, "big")
            socket.send_multipart(pack(m.Request(id=name, worker="stt/echo/1", op="echo", params={"n": 1}, credit=8)))
            while not isinstance(unpack(socket.recv_multipart(), decoder), m.Result):
                pass

        processes = [process, *process.children()]
        assert all(str(folder) in each.environ()["PYTHONPATH"] for each in processes)
        try:
            yield ask, processes
        finally:
            socket.close(0)


def _cpu_us(process: psutil.Process) -> float:
    """The CPU time of all threads of a process, in microseconds."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000


def _idle_mb(folder: Path) -> float:
    with supervisor(PYTHONPATH=str(folder)) as process:
        return mb(process)[0]
