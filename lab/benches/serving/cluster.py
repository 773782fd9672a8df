"""Measures `hushd cluster transcribe` on nodes of Ray on this machine, beside a store like S3; simulates more nodes.

The engine takes a fixed time for each recording and no CPU, since this machine's cores are not three machines': the
figures are of what Ray, the store and the driver add.
"""

from __future__ import annotations

import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ..stage import Row

if TYPE_CHECKING:
    from support.ray_cluster import RayCluster

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # the nodes, their engine and the store are the tests' too
NODES = 3
TAKES_S = 4.0  # a recording
EACH = 10  # recordings a node
LONG_S = 240.0  # ten hours of sound
QUICK = 400  # recordings that take no time
OF_DRIVER = {"AWS_SDK_UA_APP_ID": "driver"}  # by which the server tells the driver's requests from those of nodes
SIZE = 1_000_000  # bytes of a recording
TEXT = 65  # bytes of a transcript
MILLION = 1_000_000
SAMPLE_S = 60.0  # of the run over a million
MINUTES = 5.0  # of sound in a recording, of nodes that hear 30 s of sound a second
BATCH = 30.0  # seconds of sound that such a node hears in a second


def cluster(_: Namespace) -> Iterator[Row]:
    """A corpus in a store on 1 and 3 nodes of Ray, beside a loop; a manifest of a million; a node killed."""
    from support.s3_server import S3Server

    with S3Server() as server:
        for name, value in server.environment.items():
            os.environ[name] = value
        with _cluster(1, TAKES_S, server.environment) as made:
            loop, one = _loop(made), 3600 * _rate(made, EACH)
        yield Row("cluster: 1 node, 4 s a file, from the store", one, "/h", ">= 98 %", loop, one / loop >= 0.98)
        with _cluster(NODES, TAKES_S, server.environment) as made:
            three = 3600 * _rate(made, EACH * NODES)
            yield Row(f"cluster: {NODES} nodes", three, "/h", ">= 2.8 x", one, three / one >= 2.8)
            yield from _killed(made)
        with _cluster(NODES, LONG_S, server.environment, "--segments", "3600", "--length", "10") as made:
            yield from _ten_hours(made)
        with _cluster(NODES, 0.0, server.environment) as made:
            yield from _driver(made, server)
            yield from _million(made)


def simulated(slots: int, takes_s: float, driver_s: float) -> float:
    """Returns files a second of so many places, where one driver takes `driver_s` to hand out and take back each."""
    free, driver, count = [0.0] * slots, 0.0, 50 * slots
    for _ in range(count):
        start = max(heapq.heappop(free), driver)
        driver = start + driver_s
        heapq.heappush(free, start + takes_s)
    return count / max(free)


def _cluster(nodes: int, takes_s: float, variables: dict[str, str], *engine: str) -> RayCluster:
    from support.peer import ECHO, command
    from support.ray_cluster import RayCluster

    config = f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{command(ECHO, '--takes', str(takes_s), *engine)}"
    return RayCluster(nodes, config, variables)


def _bucket(name: str) -> Any:
    from hushd_cluster import store
    from support.s3_server import BUCKET

    return store.opened(f"s3://{BUCKET}/{name}")


def _fill(name: str, count: int, size: int) -> str:
    folder = _bucket(name)
    for number in range(count):
        folder.replace(f"{number:04}.wav", f"{number:07}".encode() * (size // 7))
    return str(folder.url)


def _loop(made: RayCluster) -> float:
    """Returns recordings an hour of a plain loop: fetch, transcribe, write."""
    source = _fill("loop", EACH, SIZE)
    code = (
        "import sys, time, s3fs, hushd\n"
        "store, client = s3fs.S3FileSystem(), hushd.Client()\n"
        "for number, name in enumerate(store.ls(sys.argv[1])):\n"
        "    store.get(name, 'recording.wav')\n"
        "    text = client.transcribe('recording.wav').render('txt')\n"
        "    store.pipe(f'{name}.txt', text.encode())\n"
        "    if number == 0: begun = time.perf_counter()\n"
        "print(number / (time.perf_counter() - begun))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, source],
            env=made.environment(), cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return 3600 * float(done.stdout)


def _rate(made: RayCluster, count: int) -> float:
    """Returns recordings a second from the first transcript to the last: the start of Ray's processes is not in it."""
    source, out = _fill(f"rate{count}", count, SIZE), _bucket(f"texts{count}")
    process = made.hushd("cluster", "transcribe", source, "-o", out.url)
    ends: dict[str, float] = {}
    while process.poll() is None:
        for item in out.items():
            ends.setdefault(item.name, time.monotonic())
        time.sleep(0.05)
    done = made.end(process)
    assert done.returncode == 0, done.stderr
    times, nodes = sorted(ends.values()), len(made.folders)
    assert len(times) == count
    return (count - nodes) / (times[-1] - times[nodes - 1])


def _ten_hours(made: RayCluster) -> Iterator[Row]:
    """Yields how much quicker all nodes are than one at a recording of ten hours, and whether the text is the same."""
    elapsed, texts = [], []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "in").mkdir()
        Path(folder, "in/long.wav").write_bytes(b"sound" * 1000)
        for minutes in (0, 20):
            out = f"{folder}/out{minutes}"
            command = ("cluster", "transcribe", f"file://{folder}/in", "-o", f"file://{out}")
            done = made.end(made.hushd(*command, "--json", "--cut", str(minutes), "-f", "json"), 600)
            assert done.returncode == 0, done.stderr
            elapsed.append(json.loads(done.stdout)["elapsed_s"])
            texts.append(Path(out, "long.wav.json").read_text())
    one, three = elapsed
    note = f"{three:.0f} s; the text is {'the same' if texts[0] == texts[1] else 'ANOTHER'}"
    good = one / three >= 2.7 and texts[0] == texts[1]
    yield Row(f"cluster: ten hours on {NODES} nodes", one / three, "x", ">= 2.7", ok=good, note=note)


def _killed(made: RayCluster) -> Iterator[Row]:
    """Yields transcripts that were lost, where a node and the driver were killed in the middle."""
    count = EACH * NODES
    source, out = _fill("killed", count, 1000), _bucket("killed-texts")
    command = ("cluster", "transcribe", source, "-o", out.url)
    process = made.hushd(*command)
    while len(list(out.items())) < count // 3:
        time.sleep(0.1)
    made.kill(2)
    while len(list(out.items())) < count // 2:
        time.sleep(0.1)
    process.kill()
    made.end(process)
    begun = time.monotonic()
    done = made.end(made.hushd(*command), 300)
    assert done.returncode == 0, done.stderr
    written = {item.name: item.size for item in out.items()}
    lost = count - len(written)
    half = sum(size != TEXT for size in written.values())
    note = f"{half} half-written; the second run took {time.monotonic() - begun:.0f} s"
    yield Row("cluster: node and driver killed, lost", lost, "", "0", ok=not lost, note=note)


def _driver(made: RayCluster, server: Any) -> Iterator[Row]:
    """Yields the driver's work: bytes, time of the processor for a recording, and nodes that it keeps busy."""
    source, out = _fill("quick", QUICK, 100_000), _bucket("quick-texts")
    before = server.count().get("bytes of the driver", 0)
    with _driving(made, "cluster", "transcribe", source, "-o", out.url) as process:
        first = used = _processor_s(process)
        seen, count = 0, 0
        while count < QUICK:
            count = sum(1 for _ in out.items())
            if not seen and count:
                seen, first = count, _processor_s(process)
            with suppress(psutil.NoSuchProcess):
                used = _processor_s(process)
            time.sleep(0.2)
    each = (used - first) / (QUICK - seen)
    sent = server.count()["bytes of the driver"] - before
    yield Row("cluster: the driver's own bytes, of 40 MB", sent / 1e6, "MB", "names")
    yield Row("cluster: driver's processor, a recording", 1000 * each, "ms")
    takes_s = 60 * MINUTES / BATCH
    yield Row(
        f"cluster: nodes of {BATCH:g} s a second, {MINUTES:g} minutes a file",
        takes_s / each, "", ">= 2000", ok=takes_s / each >= 2000, note="computed: the driver's core is full",
    )  # fmt: skip
    for nodes in (100, 1000, 2000):
        share = simulated(nodes, takes_s, each) * takes_s / nodes
        yield Row(f"cluster: of the work of {nodes} such nodes", 100 * share, "%", note="simulated")


def _million(made: RayCluster) -> Iterator[Row]:
    """Yields the driver's memory over a manifest of a million, the time to the first transcript, and with half done."""
    with tempfile.TemporaryDirectory() as folder:
        path, audio, out = Path(folder, "m.jsonl"), Path(folder, "a.wav"), Path(folder, "out")
        audio.write_bytes(b"sound" * 100)
        with open(path, "w") as file:
            for number in range(MILLION):
                row = {"id": f"{number // 1000:03}/{number:06}", "url": f"file://{audio}", "language": "en"}
                file.write(json.dumps(row) + "\n")
        first, sizes, count = _sampled(made, path, out)
        at = next((place for place, number in enumerate(count) if number), 0)
        note = f"{sizes[at]:.0f} MB at {count[at]} recordings, {sizes[-1]:.0f} at {count[-1]}"
        yield Row("cluster: first of 1,000,000", first, "s", "<= 10", ok=first <= 10)
        yield Row("cluster: driver's memory meanwhile", max(sizes), "MB", "<= 300", ok=max(sizes) <= 300, note=note)
        for number in range(MILLION // 2):
            if number % 1000 == 0:
                Path(out, f"{number // 1000:03}").mkdir(parents=True, exist_ok=True)
            Path(out, f"{number // 1000:03}/{number:06}.txt").touch()
        first, sizes, _ = _sampled(made, path, out, beyond=MILLION // 2)
        yield Row("cluster: first where 500,000 are done", first, "s", "<= 10", ok=first <= 10)
        yield Row("cluster: driver's memory meanwhile", max(sizes), "MB", "<= 300", ok=max(sizes) <= 300)


def _sampled(made: RayCluster, path: Path, out: Path, beyond: int = 0) -> tuple[float, list[float], list[int]]:
    """Runs a manifest for a while; returns the seconds to the first transcript, and MB and recordings over time."""
    begun = time.monotonic()
    first, sizes, counts = 0.0, [], []
    folder = out / f"{beyond // 1000:03}"
    with _driving(made, "cluster", "transcribe", "--manifest", str(path), "-o", f"file://{out}") as process:
        while time.monotonic() - begun < SAMPLE_S:
            if not first and folder.exists() and any(name.endswith(".txt") for name in os.listdir(folder)):
                first = time.monotonic() - begun
            sizes.append(process.memory_info().rss / 1e6)
            counts.append(sum(len(os.listdir(out / f"{(beyond // 1000) + n:03}")) for n in range(40)
                              if (out / f"{(beyond // 1000) + n:03}").exists()))  # fmt: skip
            time.sleep(0.1 if not first else 2)
    return first or SAMPLE_S, sizes, counts


@contextmanager
def _driving(made: RayCluster, *words: str) -> Iterator[psutil.Process]:
    """Yields the process of a command, which is ended at the end."""
    command = [str(Path(sys.executable).parent / "hushd"), *words]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=made.environment() | OF_DRIVER, stdout=quiet, stderr=quiet) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
