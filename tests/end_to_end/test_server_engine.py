"""The engine `server` as a user has it: a real supervisor, a scripted server, its memory in the books, and its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd import Client
from support import servers
from support.peer import Start, is_gone, wait_until

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
