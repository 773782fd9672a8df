"""A corpus in a store, while everything is killed and the store misbehaves: by night, from a seed.

HUSHD_STORM is the seed, the recordings, the kills, the longest time between two of them and that of a recording, in
seconds: `42 2000 40 88 2` takes more than half an hour.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cluster import store
from support.peer import ECHO, command
from support.ray_cluster import RayCluster, processes
from support.s3_server import BUCKET, S3Server

pytestmark = [
    pytest.mark.night,
    pytest.mark.skipif(find_spec("moto") is None or find_spec("ray") is None, reason="ray-tests is not installed"),
    pytest.mark.timeout(7200),
]
STORM = "41 150 12 10 1"  # the kills are of drivers, workers, supervisors and, once, a node
AT_WORK = (b"ray::IDLE", b"ray::transcribe")  # Ray's processes without which a node lives


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with S3Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
    store.opened.cache_clear()


def victims(folder: Path) -> list[int]:
    """The processes of a node that may die alone: Ray's at work, the supervisor and its workers, but not the node's."""
    found = []
    for pid in processes(folder):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"hushd_supervisor" in words or b"echo_worker" in words or words.startswith(AT_WORK):
                found.append(pid)
    return found


def test_each_recording_has_one_whole_transcript(server: S3Server, tmp_path: Path) -> None:
    """Whoever died while it was made; none is set aside, since none was at fault, and nothing else is left."""
    seed, recordings, kills, longest_s, takes_s = map(int, os.environ.get("HUSHD_STORM", STORM).split())
    chance = random.Random(seed)
    source, texts = store.opened(f"s3://{BUCKET}/storm"), store.opened(f"s3://{BUCKET}/storm-texts")
    expected = {}
    for number in range(recordings):
        data = f"{seed} {number} ".encode() * chance.randrange(1, 20_000)
        source.replace(f"{number:03}.wav", data)
        expected[f"{number:03}.wav.txt"] = hashlib.sha256(data).hexdigest() + "\n"
    config = f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{command(ECHO, '--takes', str(takes_s))}"
    words = ("cluster", "transcribe", source.url, "-o", texts.url, "--attempts", "9", "--retry")
    with RayCluster(3, config, server.environment) as cluster:
        driver = cluster.hushd(*words)
        for kill in range(kills):
            time.sleep(chance.uniform(1, longest_s))
            server.tell(chance.choice(("busy 5", "half 3", "slow 0.3", "slow 0")))
            if kill == kills // 2:
                cluster.kill(2)
            elif chance.random() < 0.15:
                driver.kill()
            elif there := victims(cluster.folders[chance.randrange(2)]):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(there), signal.SIGKILL)
            if driver.poll() is not None:
                cluster.end(driver)
                driver = cluster.hushd(*words)
        for fault in ("busy 0", "half 0", "slow 0"):
            server.tell(fault)
        limit_s = 600 + recordings * takes_s
        cluster.end(driver, limit_s)
        last = cluster.end(cluster.hushd(*words), limit_s)
    assert last.returncode == 0, (seed, last.stderr)
    written = {item.name: (texts.read(item.name) or b"").decode() for item in texts.items()}
    assert written.pop("set-aside.json", "{}\n") == "{}\n", (seed, last.stderr)
    assert written == expected, seed
    assert texts.read(".hushd/driver.json") is None
    assert list(texts.items(".hushd/parts")) == []
