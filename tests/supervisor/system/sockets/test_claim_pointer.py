"""The pointer to a user's supervisor, as supervisors claim it: one that lives keeps it, whatever the environments."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.system import pointer
from hushd_protocol.system.paths import Paths, find, prepare_runtime
from hushd_supervisor.system.sockets import lock

LIVING = """
import sys
from hushd_protocol.system.paths import find, prepare_runtime
from hushd_supervisor.system.sockets import lock
prepare_runtime(find())
assert lock.acquire(find()) is not None
assert lock.claim_pointer(find()) is None
if sys.argv[1] == "answers":
    listener = lock.ListeningSocket(find().client_socket)
print("serves", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def user(tmp_path: Path) -> Callable[[str], Paths]:
    """The paths of a supervisor of that session, whose runtime folder is prepared."""

    def paths(session: str) -> Paths:
        found = find(environ(tmp_path, session))
        prepare_runtime(found)
        return found

    return paths


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """Starts a supervisor's beginning in a session, one that `answers` or is `silent`."""
    started: list[subprocess.Popen[str]] = []

    def start(session: str, manner: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", LIVING, manner],
            env=os.environ | environ(tmp_path, session), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "serves\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def environ(home: Path, session: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / session), "HUSHD_RUNTIME_DIR": "", "HUSHD_STATE_DIR": ""}


def test_the_first_supervisor_takes_it(user: Callable[[str], Paths]) -> None:
    """The state folder is made, 0700, and a program of another session finds the way."""
    assert lock.claim_pointer(user("one")) is None
    found = pointer.follow(user("two"))
    assert found
    assert found.runtime == user("one").runtime
    assert found.pointer
    assert found.pointer.parent.stat().st_mode & 0o777 == 0o700


def test_a_living_one_keeps_it(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """A second one, in another folder, learns where it serves; once it has ended the pointer is free."""
    living = start("one", "answers")
    assert lock.claim_pointer(user("two")) == user("one").runtime
    living.kill()
    living.wait()
    assert lock.claim_pointer(user("two")) is None
    found = pointer.follow(user("one"))
    assert found
    assert found.runtime == user("two").runtime


def test_one_that_leaves_is_waited_for(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """It finishes its last jobs and takes no connections: the patience ends with an error that names its lock."""
    start("one", "silent")
    with pytest.raises(HushdError, match=r"holds .*/one/hushd/lock and accepts no connections") as caught:
        lock.claim_pointer(user("two"), patience=0.1)
    assert caught.value.code == "no_supervisor"


def test_one_that_a_service_manager_started_takes_it_over(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """A client waits at its socket, so it serves, and is the one to be found from then on."""
    start("one", "answers")
    assert lock.claim_pointer(user("two"), activated=True) is None
    found = pointer.follow(user("one"))
    assert found
    assert found.runtime == user("two").runtime


def test_without_a_state_folder_each_serves(user: Callable[[str], Paths], tmp_path: Path) -> None:
    """A home that cannot be written keeps nobody from speaking."""
    (tmp_path / ".local").touch()
    assert lock.claim_pointer(user("one")) is None
    assert lock.claim_pointer(user("two")) is None
