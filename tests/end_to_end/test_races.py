"""The races of similar projects that need real processes, sockets and signals, each named after its number.

Those that the brain decides are in tests/supervisor/core/worker/test_races.py and test_leases.py; 24 is in
test_autostart.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hushd_protocol.messages import Error
from hushd_protocol.system.footprint import rss
from support.peer import CONFIG, ECHO, Peer, Start, command, descendants, wait_until


def test_an_unfinished_start_leaves_nothing(start_supervisor: Start, runtime: Path) -> None:
    """SIGTERM while a worker is still loading ends both, within the time of a kill."""
    supervisor = start_supervisor(f'[worker."stt/echo"]\n{command(ECHO, "--load", "60")}')
    with Peer(supervisor.socket) as client:
        client.request("echo", credit=8)
        wait_until(lambda: descendants(runtime))
        supervisor.process.terminate()
        assert client.expect(Error).code == "shutting_down"
    assert supervisor.process.wait(60) == 0
    assert not descendants(runtime)


def test_the_supervisor_is_light(start_supervisor: Start) -> None:
    """It is at most 9 MB more than Python with its libraries at rest, and 11 MB after its first worker.

    With those it is within 30 MB, which the imports at the top of its modules are worth. These alone are 19.4 MB with
    one Python 3.11. Debian's 3.14 takes more, and keeps another function for the annotations of each class: 1,284 of
    them at rest, 0.8 MB. A start that compiles its modules is a megabyte larger, and not meant.
    """
    of_annotations = 0.8 if sys.version_info >= (3, 14) else 0
    folders = (Path(__file__).parents[2] / name for name in ("protocol", "models", "supervisor"))
    subprocess.run([*ECHO[:1], "-P", "-m", "compileall", "-q", *folders], check=True)
    bare = "import ctypes, msgspec, zmq; from hushd_protocol.system.footprint import rss; print(rss())"
    least = int(subprocess.check_output([*ECHO[:1], "-P", "-c", bare])) / 1e6
    supervisor = start_supervisor(cold=True)
    assert rss(str(supervisor.pid)) / 1e6 <= least + 9 + of_annotations
    with supervisor.connect() as client:
        client.ask("echo")
        assert client.control("status")["supervisor"]["rss_mb"] <= least + 11 + of_annotations
    assert "numpy" not in Path(f"/proc/{supervisor.pid}/maps").read_text()


def test_a_request_outlives_its_killed_processes(start_supervisor: Start, tmp_path: Path) -> None:
    """Three workers die of `kill -9` under one request: it is served by the fourth, and its worker is open to all."""
    done = tmp_path / "done"
    with start_supervisor(CONFIG).connect() as client:
        request = client.request("wait", params={"until": str(done)})
        killed: set[object] = {None}
        for _ in range(3):
            wait_until(
                lambda: (row := client.status("stt/echo/a"))["running"] and row["pid"] not in killed, "the next process"
            )
            killed.add(pid := client.status("stt/echo/a")["pid"])
            os.kill(pid, signal.SIGKILL)
        done.touch()
        client.result(request)
        assert client.status("stt/echo/a")["crashes"] == 0
