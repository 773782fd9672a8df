"""A server in a container, which is a child of its daemon: its `stop` ends it, and its file says what it takes.

`tests/support/containers.py` stands for docker, which no test has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import servers
from support.peer import wait_until

DOCKER = [sys.executable, "-S", str(servers.LYING.with_name("containers.py"))]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process leaves is looked up in /proc")


@pytest.fixture
def daemon(runtime: Path) -> Iterator[psutil.Process]:
    """The daemon; servers/mine.toml is a container of its."""
    path = f"{runtime}/docker"
    with subprocess.Popen([*DOCKER, "daemon", path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        server = [sys.executable, "-S", str(servers.LYING), "{port}"]
        servers.write(
            runtime, "mine", run=[*DOCKER, "run", path, "mine-{port}", *server], memory_mb=3000, stop_timeout=60,
            stop=[*DOCKER, "stop", path, "mine-{port}"],
        )  # fmt: skip
        yield psutil.Process(process.pid)
        process.kill()


@pytest.mark.parametrize("victim", ["nobody", "worker", "guard", "client"])
def test_nothing_is_left_of_it(daemon: psutil.Process, victim: str) -> None:
    """Its worker ends it, or SIGKILL ends the worker, its guard, or the client, which cannot pass it on."""
    run = [sys.executable, "-c", servers.WORKER]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0) as worker:
        assert worker.stdin
        assert worker.stdout
        _, guard, held_mb = map(int, worker.stdout.readline().split())
        (container,) = daemon.children()
        (client,) = psutil.Process(guard).children()
        assert 3000 < held_mb < 3200
        if victim == "nobody":
            worker.stdin.close()
        else:
            os.kill({"worker": worker.pid, "guard": guard, "client": client.pid}[victim], signal.SIGKILL)
        wait_until(lambda: not container.is_running(), "the container's end")
        wait_until(lambda: not psutil.pid_exists(client.pid), "the client's end")
