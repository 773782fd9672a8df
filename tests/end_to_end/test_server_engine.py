"""The engine `server` as a user has it: a real supervisor, a scripted server, its memory in the books, and its end."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from support import servers
from support.peer import Start, is_gone, wait_until
from support.refusals import hushd_error

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process leaves is looked up in /proc")


def tree(client: Client) -> list[psutil.Process]:
    """The one worker, and all that it has started."""
    (row,) = client.status().workers
    assert row.pid
    worker = psutil.Process(row.pid)
    return [worker, *worker.children(recursive=True)]


def say(client: Client, text: str, **options: Any) -> bytes:
    return b"".join(client.synthesize(text, **options))


def port_of(processes: list[psutil.Process]) -> int:
    command = next(each.cmdline() for each in processes if str(servers.LYING) in each.cmdline() and each.ppid() > 1)
    return int(command[command.index(str(servers.LYING)) + 1])


def test_a_server_speaks_and_all_of_it_ends(start_supervisor: Start, runtime: Path) -> None:
    """The server answers to its name as a voice and as a model; its memory is the worker's, and nothing is left when it
    is idle."""
    servers.write(runtime, "mine", "voices", "hoards", voices="/voices", languages=["en"], words=True)
    start_supervisor("")
    with Client() as client:
        assert len(say(client, "one two three", voice="server/mine")) >= 0.3 * 2 * 8000
        assert say(client, "one", engine="server", model="mine", voice="bert")
        (row,) = client.status().workers
        assert row.name == "tts/server/mine"
        assert row.private_mb is not None
        processes = tree(client)
        own = processes[0].memory_info()
        assert row.size_mb
        assert row.size_mb > 60 + (own.rss - own.shared) / 1e6
        port = port_of(processes)
        client.unload("tts")
        wait_until(lambda: all(is_gone(each.pid) for each in processes), "the end of all its processes")
        assert not servers.listening(port)


def test_what_a_server_says_reaches_the_user(start_supervisor: Start, runtime: Path) -> None:
    """Its refusal is `bad_request`; the end of one that crashes at the start is in the sentence."""
    servers.write(runtime, "mine")
    servers.write(runtime, "broken", "crash")
    start_supervisor("")
    with Client() as client:
        with hushd_error("bad_request", r"refused this \(422: refuse is not allowed\)"):
            say(client, "one", voice="server/mine", extra={"refuse": True})
        with pytest.raises(HushdError, match="exit status 3; its log ends with: RuntimeError: CUDA is not here"):
            say(client, "one", voice="server/broken")


def test_a_server_that_dies_at_a_request(start_supervisor: Start, runtime: Path) -> None:
    """The request is tried once more with a new one, and then fails with its last words."""
    servers.write(runtime, "mine", "later=die")
    start_supervisor("")
    with Client() as client, pytest.raises(HushdError, match="Segmentation fault: the model is too large"):
        say(client, "one", voice="server/mine")


def test_it_has_its_time_to_end(start_supervisor: Start, runtime: Path) -> None:
    """`stop_timeout` may be longer than other workers have."""
    servers.write(runtime, "mine", "lingers", stop_timeout=20, env={"TOLD": str(runtime / "told")})
    start_supervisor("")
    with Client() as client:
        assert say(client, "one", voice="server/mine")
        (runtime / "told").unlink()
        client.unload("tts")
        assert (runtime / "told").exists()


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.night)])
@pytest.mark.parametrize("victim", ["supervisor", "worker", "server"])
def test_killed(start_supervisor: Start, runtime: Path, victim: str, times: int) -> None:
    """Nothing is left, not even of helpers with sessions of their own; the next request is answered."""
    servers.write(runtime, "mine", "escapes")
    supervisor = start_supervisor("")
    for _ in range(times):
        with Client() as client:
            assert say(client, "one", voice="server/mine")
            processes = tree(client)
            port = port_of(processes)
            server = next(each for each in processes if str(port) in each.cmdline() and each.ppid() != processes[0].pid)
            pid = {"supervisor": supervisor.pid, "worker": processes[0].pid, "server": server.pid}[victim]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: all(is_gone(each.pid) for each in processes), "the end of all its processes")  # noqa: B023
            assert not servers.listening(port)
            if victim != "supervisor":
                client.unload("tts")  # which forgives its crashes: the fourth in five minutes would close the worker
        if victim == "supervisor":
            supervisor = start_supervisor("")
        time.sleep(0.1)
    leftovers = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"]]
    assert not [line for line in leftovers if re.search(rf"{re.escape(str(servers.LYING))} .*escapes", " ".join(line))]
