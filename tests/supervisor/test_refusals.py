"""A supervisor to which the system refuses descriptors, memory maps, threads or processes, at each place in turn.

libzmq ends a process that has no descriptor for a new connection, so none is made here meanwhile.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hushd_protocol import messages as m
from support.peer import CONFIG, Peer, Start, Supervisor, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")

ALLOWED = (0, 1, 2, 3, 4, 6, 8, 12)  # descriptors beyond those that the supervisor has


@contextmanager
def limited(pid: int, kind: int, most: int) -> Iterator[None]:
    """Another process may have no more than this for a while."""
    soft, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, (soft, hard))


def highest(pid: int) -> int:
    return max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))


def mapped(pid: int) -> int:
    """The bytes of a process's address space."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def terminal(peer: Peer, request: bytes) -> m.Result | m.Error:
    while True:
        message = peer.receive()
        if isinstance(message, m.Result | m.Error) and message.id == request:
            return message


def ask(peer: Peer, worker: str) -> m.Result | m.Error:
    """A job on a recording that the client names."""
    file = Path(os.environ["HUSHD_RUNTIME_DIR"]) / "a recording"
    file.write_bytes(b"sound")
    info = file.stat()
    fields = {"path": str(file), "device": info.st_dev, "inode": info.st_ino, "size": 5}
    return terminal(peer, peer.request("echo", worker, input="path", **fields))


def control(action: str, *names: str) -> Callable[[Peer], m.Result | m.Error]:
    def act(peer: Peer) -> m.Result | m.Error:
        name = peer.new_id()
        peer.send(m.Control(id=name, action=action, names=list(names)))
        return terminal(peer, name)

    return act


ACTS: dict[str, Callable[[Peer], m.Result | m.Error]] = {
    "a job on a process that is there": lambda peer: ask(peer, "stt/echo/a"),
    "a job on a process to be started": lambda peer: ask(peer, "tts/echo/a"),
    "a model of the engine's choice": lambda peer: ask(peer, "stt/moonshine"),
    **{action: control(action) for action in ("status", "memory", "describe", "reload", "unload", "stop")},
    "listen": control("listen", "http=127.0.0.1:0"),
}


def try_again(supervisor: Supervisor, peer: Peer, act: Callable[[Peer], m.Result | m.Error]) -> None:
    """Has the refused act done once there is enough, by the same supervisor."""
    assert supervisor.process.poll() is None, supervisor.log()

    def served() -> bool:
        answer = act(peer)
        assert supervisor.process.poll() is None, supervisor.log()
        return isinstance(answer, m.Result) or answer.code == "unsupported"  # by the engine

    wait_until(served, "an answer")


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_a_supervisor_without_descriptors_refuses_one_request(
    start_supervisor: Start, act: Callable[[Peer], m.Result | m.Error]
) -> None:
    """Whatever is refused while so many more are allowed costs that request an error; another client's job goes on."""
    supervisor = start_supervisor(CONFIG, cold=True)
    with supervisor.connect() as peer, supervisor.connect() as other:
        job = other.request("wait", "stt/fake/a")
        wait_until(lambda: other.status("stt/fake/a")["running"])
        other.ask("echo")
        for allowed in ALLOWED:
            with limited(supervisor.pid, resource.RLIMIT_NOFILE, highest(supervisor.pid) + 1 + allowed):
                act(peer)
        try_again(supervisor, peer, act)
        other.send(m.Cancel(id=job))
        answer = terminal(other, job)
        assert isinstance(answer, m.Error)
        assert answer.code == "cancelled"


def test_a_supervisor_without_a_thread_takes_the_bytes_instead(start_supervisor: Start) -> None:
    """The named file is unreachable while no memory can be mapped for a thread's stack, and nobody's job ends."""
    supervisor = start_supervisor(CONFIG)
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
        with limited(supervisor.pid, resource.RLIMIT_AS, mapped(supervisor.pid)):
            answer = ask(peer, "stt/echo/a")
        assert isinstance(answer, m.Error)
        assert answer.code == "path_unreachable"
        answer = ask(peer, "stt/echo/a")
        assert isinstance(answer, m.Result)
        assert answer.data["pid"] == pid
