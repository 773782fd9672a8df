"""The pointer to a user's supervisor, as supervisors claim it: one that lives keeps it, whatever the environments."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_protocol.system import pointer
from hushd_protocol.system.paths import Paths, find, prepare_runtime
from hushd_supervisor.system.sockets import lock
from support.refusals import hushd_error

LIVING = """
import sys
from dataclasses import replace
from hushd_protocol.system.paths import find, prepare_runtime
from hushd_supervisor.system.sockets import lock
paths = replace(find(), follows=sys.argv[2] == "True")
prepare_runtime(paths)
assert lock.acquire(paths) is not None
assert lock.claim_pointer(paths) is None
if sys.argv[1] == "answers":
    listener = lock.ListeningSocket(paths.client_socket)
print("serves", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Paths]:
    """The paths of a supervisor of that session, whose runtime folder is prepared; `cut` is of none."""

    def paths(session: str) -> Paths:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / session))
        (tmp_path / session).mkdir(exist_ok=True, mode=0o700)
        found = find(environ(tmp_path, session))
        prepare_runtime(found)
        return found

    return paths


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """Starts a supervisor's beginning in a session, one that `answers` or is `silent`."""
    started: list[subprocess.Popen[str]] = []

    def start(session: str, manner: str) -> subprocess.Popen[str]:
        (tmp_path / session).mkdir(exist_ok=True, mode=0o700)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", LIVING, manner, str(session == "cut")],
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
    """The environment of a program in a session; a `cut` one has a temp folder of its own, and no other."""
    own = {"HOME": str(home), "HUSHD_RUNTIME_DIR": "", "HUSHD_STATE_DIR": ""}
    if session == "cut":
        return own | {"XDG_RUNTIME_DIR": "", "TMPDIR": str(home / session)}
    return own | {"XDG_RUNTIME_DIR": str(home / session)}


@pytest.fixture(autouse=True)
def _without_a_session() -> None:
    if Path(f"/run/user/{os.getuid()}").exists():
        pytest.skip("this user has a session of their own here")


def test_the_first_supervisor_takes_it(user: Callable[[str], Paths]) -> None:
    """The state folder is made, 0700, and a program without a session finds the way; it ends with the supervisor."""
    assert lock.claim_pointer(user("one")) is None
    found = pointer.follow(user("cut"))
    assert found
    assert found.runtime == user("one").runtime
    assert found.pointer
    assert found.pointer.parent.stat().st_mode & 0o777 == 0o700
    lock.withdraw_pointer(user("cut"))
    assert pointer.follow(user("cut")), "another's stays"
    lock.withdraw_pointer(user("one"))
    assert pointer.follow(user("cut")) is None


def test_a_living_one_keeps_it(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """A second one without a session learns where it serves; once it has ended the pointer is free."""
    living = start("one", "answers")
    assert lock.claim_pointer(user("cut")) == user("one").runtime
    living.kill()
    living.wait()
    assert lock.claim_pointer(user("cut")) is None
    assert os.readlink(leads(user("cut"))) == str(user("cut").runtime)


def test_a_session_of_its_own_has_its_own(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """One with a session folder serves there, as in a sandbox; the pointer stays with the other, at its end too."""
    start("one", "answers")
    assert lock.claim_pointer(user("two")) is None
    lock.withdraw_pointer(user("two"))
    assert os.readlink(leads(user("two"))) == str(user("one").runtime)


def test_one_that_leaves_is_waited_for(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """It finishes its last jobs and takes no connections: the patience ends with an error that names its lock."""
    start("one", "silent")
    with hushd_error("no_supervisor", r"holds .*/one/hushd/lock and accepts no connections"):
        lock.claim_pointer(user("cut"), patience=0.1)


def test_one_that_a_service_manager_started_takes_it_over(
    user: Callable[[str], Paths], start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    """A client waits at its socket, so it serves, and is the one to be found from then on."""
    start("one", "answers")
    assert lock.claim_pointer(user("two"), activated=True) is None
    assert os.readlink(leads(user("one"))) == str(user("two").runtime)


def leads(paths: Paths) -> Path:
    assert paths.pointer
    return paths.pointer
