"""A corpus on one to three nodes of a Ray cluster on this machine, and simulated beyond.

The engine takes a fixed time for each recording and no CPU, since this machine's cores are not three machines': what
is measured is what Ray and the driver add.
"""

from __future__ import annotations

import heapq
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..stage import Row

if TYPE_CHECKING:
    from support.ray_cluster import RayCluster

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # the nodes and their engine are the tests' too
NODES = (1, 2, 3)
TAKES_S = 4.0  # a recording
EACH = 10  # recordings a node
QUICK = 120  # recordings that take no time
HOUR = 3600.0
CPUS = 8  # of a simulated node
LONG_S = 30.0  # that a recording takes there


def cluster(_: Namespace) -> Iterator[Row]:
    """Recordings an hour on 1, 2 and 3 nodes of Ray, a node killed, and more nodes, simulated."""
    rates = {}
    for nodes in NODES:
        with _cluster(nodes, TAKES_S) as made:
            rates[nodes] = HOUR * _rate(made, EACH * nodes)
        goal = {1: "", 2: "", 3: ">= 2.8 x"}[nodes]
        ok = rates[nodes] / rates[1] >= 2.8 if goal else None
        yield Row(
            f"cluster: {nodes} node{'s' * (nodes > 1)}, {TAKES_S:g} s a file", rates[nodes], "/h", goal, rates[1], ok
        )
    yield from _killed()
    with _cluster(max(NODES), 0.0) as made:
        rate = _rate(made, QUICK)
    yield Row("cluster: files of no length", rate, "/s", note="bounds the driver, on 2 cores with all nodes")
    for nodes in (3, 10, 30, 100):
        at = HOUR * simulated(nodes * CPUS, LONG_S, 1 / rate)
        floor = HOUR * CPUS / LONG_S * nodes
        yield Row(
            f"cluster: {nodes} nodes of {CPUS} CPUs, {LONG_S:g} s a file", at, "/h", floor=floor, note="simulated"
        )


def simulated(slots: int, takes_s: float, driver_s: float) -> float:
    """Files a second of so many places, where one driver takes `driver_s` to hand out and write down each."""
    free, driver, count = [0.0] * slots, 0.0, 50 * slots
    for _ in range(count):
        start = max(heapq.heappop(free), driver)
        driver = start + driver_s
        heapq.heappush(free, start + takes_s)
    return count / max(free)


def _cluster(nodes: int, takes_s: float) -> RayCluster:
    from support.peer import ECHO, command
    from support.ray_cluster import RayCluster

    return RayCluster(nodes, f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{command(ECHO, '--takes', str(takes_s))}")


def _rate(made: RayCluster, count: int) -> float:
    """Recordings a second from the first transcript to the last: the start of Ray's processes is not in it."""
    with tempfile.TemporaryDirectory() as folder:
        _corpus(Path(folder), count)
        done = made.end(made.hushd("cluster", "transcribe", folder, "-o", f"{folder}/out"), 300)
        assert done.returncode == 0, done.stderr
        ends = sorted(path.stat().st_mtime for path in Path(folder, "out").glob("*.txt"))
    nodes = len(made.folders)
    return (len(ends) - nodes) / (ends[-1] - ends[nodes - 1])


def _killed() -> Iterator[Row]:
    """Jobs that ended beyond one a recording, where a node was killed in the middle."""
    count = EACH * max(NODES)
    with _cluster(max(NODES), TAKES_S) as made, tempfile.TemporaryDirectory() as folder:
        _corpus(Path(folder), count)
        process = made.hushd("cluster", "transcribe", folder, "-o", f"{folder}/out")
        out = Path(folder, "out")
        while len(list(out.glob("*.txt"))) < count // 3:
            time.sleep(0.1)
        at_work, ended = made.requests(2, "running"), made.requests(2)
        made.kill(2)
        done = made.end(process, 300)
        assert done.returncode == 0, done.stderr
        repeated = ended + made.requests(0) + made.requests(1) - count
        written = len(list(out.glob("*.txt")))
    note = f"{written} of {count} transcripts; {at_work} that ran there began again"
    yield Row("cluster: a node killed, finished files repeated", repeated, "", "0", ok=not repeated, note=note)


def _corpus(folder: Path, count: int) -> None:
    for number in range(count):
        Path(folder, f"{number:04}.wav").write_bytes(f"{number}".encode() * 1000)
