"""Sockets under stress: a start without descriptors, and a cleaner that takes the workers' socket away."""

from __future__ import annotations

import os
import resource

import pytest
from support.peer import CONFIG, Start


@pytest.mark.parametrize("spare", [1, 2, 3, 4])
def test_a_cold_start_without_descriptors_is_refused(start_supervisor: Start, spare: int) -> None:
    """A start is refused by `server_busy` with `spare` descriptors left; when they are back the next succeeds."""
    supervisor = start_supervisor(CONFIG)
    with supervisor.connect() as peer:
        limits = resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE)
        peer.control("status")  # what it opens once is open
        used = len(os.listdir(f"/proc/{supervisor.pid}/fd"))
        resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, (used + spare, limits[1]))
        for _ in range(5):
            assert peer.fail("echo").code == "server_busy"
        resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, limits)
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def test_a_lost_workers_socket_ends_the_supervisor(start_supervisor: Start) -> None:
    """A cleaner that removes worker.sock costs no start: the supervisor leaves, and the next one has both sockets."""
    supervisor = start_supervisor()
    (supervisor.folder / "worker.sock").unlink()
    assert supervisor.process.wait(60) == 0
    with start_supervisor().connect() as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"
