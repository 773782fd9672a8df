"""A supervisor that lacks address space, open files and a disk at the same moment still answers, kills and reaps."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hushd_protocol.messages import Control, Error, Result
from support.peer import CONFIG, FAKE, Peer, Supervisor, command, wait_until

MEGABYTE = 1 << 20
SPARE = 2 * MEGABYTE  # of address space
DEAF = f'[worker."stt/deaf"]\n{command(FAKE, "--ignore-cancel", "--ignore-drain")}'

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")


@contextmanager
def short_of_all(pid: int) -> Iterator[None]:
    """While the block lasts, a process can neither have more memory, nor open a file, nor write into one."""
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {
        resource.RLIMIT_AS: used + SPARE,
        resource.RLIMIT_NOFILE: max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1,
        resource.RLIMIT_FSIZE: 0,
    }
    before = {limit: resource.prlimit(pid, limit) for limit in limits}
    for limit, most in limits.items():
        resource.prlimit(pid, limit, (most, before[limit][1]))
    try:
        yield
    finally:
        for limit, bounds in before.items():
            resource.prlimit(pid, limit, bounds)


def test_it_answers_kills_and_reaps(start_supervisor: Callable[..., Supervisor]) -> None:
    """A start ends in `server_busy`, who was killed is reaped, who is deaf is killed; and then all is well."""
    supervisor = start_supervisor(CONFIG + DEAF)
    with supervisor.connect() as peer, supervisor.connect() as other:
        victim = peer.ask("echo")["pid"]
        deaf = other.request("sleep", "stt/deaf/a", input="stream", params={"s": 600}, credit=8)
        wait_until(lambda: peer.status("stt/deaf/a")["running"], "the job of the deaf one")
        culprit = peer.status("stt/deaf/a")["pid"]
        with short_of_all(supervisor.pid):
            assert peer.fail("echo", "stt/echo/b").code == "server_busy"
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: not _exists(victim), "the reaping of the killed one")
            peer.send(Control(id=peer.new_id(), action="unload", names=["stt/deaf"], force=True))
            assert _end(other, deaf) in ("worker_stopped", "worker_crashed")  # or its beat found no memory
            wait_until(lambda: not _exists(culprit), "the end of the deaf one")
            assert supervisor.process.poll() is None, supervisor.log()
    with supervisor.connect() as peer:
        assert wait_until(lambda: _serves(peer), "an answer once there is room")
        assert peer.control("status")["floor"]["waiting"] == 0


def _exists(pid: int) -> bool:
    """Returns whether a process runs, or has ended and was not reaped."""
    return Path(f"/proc/{pid}").exists()


def _serves(peer: Peer) -> bool:
    return _end(peer, peer.request("echo", "stt/echo/b")) == "result"


def _end(peer: Peer, request: bytes) -> str:
    """The end of a request: `result` or a code."""
    while True:
        message = peer.receive()
        if isinstance(message, Result | Error) and message.id == request:
            return message.code if isinstance(message, Error) else "result"
