"""Tests of the lock and the listening sockets."""

from __future__ import annotations

import os
import resource
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_protocol.system.paths import find
from hushd_supervisor.system.sockets import lock

HOLDER = """
import sys
from hushd_protocol.system.paths import find
from hushd_supervisor.system.sockets import lock
assert lock.acquire(find()) is not None
if sys.argv[1] == "answers":
    listener = lock.ListeningSocket(find().client_socket)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(runtime: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its stdin is closed, and `answers` or is `silent`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, request.param], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_free_lock_is_taken_and_names_its_holder(runtime: Path) -> None:
    """The first gets a descriptor; the file, 0600, holds its pid, and nothing of a longer one that was there before."""
    find().lock.touch(mode=0o600)
    find().lock.write_text("123456789012\n")
    descriptor = lock.acquire(find())
    assert descriptor is not None
    assert find().lock.read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_full_disk_keeps_nobody_from_the_lock(runtime: Path) -> None:
    """The lock is taken even if nothing can be written, and then names nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        descriptor = lock.acquire(find())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert descriptor is not None
    assert find().lock.read_text() == ""
    os.close(descriptor)


@pytest.mark.parametrize("holder", ["answers"], indirect=True)
def test_a_loser_leaves_at_once_when_the_holder_answers(holder: subprocess.Popen[str]) -> None:
    """No waiting for a supervisor that is well."""
    assert lock.acquire(find(), patience=60) is None


@pytest.mark.parametrize("holder", ["silent"], indirect=True)
def test_a_loser_takes_over_from_a_holder_that_leaves(holder: subprocess.Popen[str]) -> None:
    """A holder without its socket is leaving: the lock is taken as soon as its process has ended."""
    threading.Timer(0.1, holder.kill).start()
    descriptor = lock.acquire(find(), patience=60)
    assert descriptor is not None
    holder.wait(60)
    os.close(descriptor)


def test_a_listener_replaces_what_is_stale_and_is_private(runtime: Path) -> None:
    """A socket file nobody listens on is not an obstacle; the new one accepts connections."""
    path = find().client_socket
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    assert not lock.answers(path)
    listener = lock.ListeningSocket(path)
    assert listener.is_ours()
    assert lock.answers(path)
    os.close(listener.fd)


def test_a_listener_removes_only_its_own_path(runtime: Path) -> None:
    """A socket that another supervisor has put in its place stays, and is recognised as foreign."""
    path = find().client_socket
    old, new = lock.ListeningSocket(path), lock.ListeningSocket(path)
    assert (old.is_ours(), new.is_ours()) == (False, True)
    old.remove()
    assert path.exists()
    new.remove()
    assert not path.exists()
    new.remove()
    os.close(old.fd)
    os.close(new.fd)


def test_a_managers_socket_is_never_removed(runtime: Path) -> None:
    """It is ours as long as the path leads to it, and not if that never did; `remove` leaves it."""
    path = find().client_socket
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(path))
        manager.listen()
        listener = lock.ListeningSocket(path, manager.fileno())
        assert (listener.lasting, listener.is_ours(), manager.getblocking()) == (True, True, True)
        assert not os.get_blocking(manager.fileno())  # libzmq must not wait in accept()
        listener.remove()
        assert lock.answers(path)
        path.unlink()
        assert not listener.is_ours()
        assert not lock.ListeningSocket(path, manager.fileno()).is_ours()


def test_a_lock_that_is_free_while_somebody_listens_is_left_to_the_manager(runtime: Path) -> None:
    """A service manager listens and starts a supervisor on demand: nobody takes its place, but who it has started."""
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(find().client_socket))
        manager.listen()
        assert lock.acquire(find()) is None
        descriptor = lock.acquire(find(), activated=True)
        assert descriptor is not None
        os.close(descriptor)
