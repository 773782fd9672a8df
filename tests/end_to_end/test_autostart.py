"""Supervisors that clients start by themselves (race 24, and what DESIGN asks of a daemon)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd import Client, HushdError
from hushd.transport import autostart as starting
from hushd_protocol.system.paths import find
from hushd_supervisor.system.sockets import lock
from support import descriptors
from support.peer import BOUND_S, CONFIG, check_nothing_is_left, processes, wait_until
from support.stopwatch import Stopwatch

WHO = "import hushd; print(hushd.Client().status().supervisor.pid, flush=True)"


@pytest.fixture
def autostart(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], object]]:
    """Clients may start supervisors; `autostart(text)` writes the configuration. All of them are ended."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    config = Path(os.environ["HUSHD_CONFIG"])
    config.write_text(CONFIG)
    yield config.write_text
    with contextlib.suppress(HushdError), Client(start=False) as client:
        client.shutdown()
    for pid in supervisors(runtime):
        with contextlib.suppress(ProcessLookupError):  # it has left meanwhile
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not supervisors(runtime), "the supervisor's end")
    check_nothing_is_left(runtime)


def supervisors(folder: Path) -> list[int]:
    """The supervisors of this runtime folder, by their command and environment; zombies have neither."""
    here = processes(b"HUSHD_RUNTIME_DIR=" + os.fsencode(folder) + b"\0")
    return [pid for pid, words in here.items() if "hushd_supervisor" in words and "sh" not in words]


def field(pid: int, name: str) -> str:
    """A line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(f"{name}:"))


@pytest.mark.usefixtures("autostart")
def test_race_24_clients_that_start_it_at_the_same_moment(runtime: Path) -> None:
    """Four clients that find none at once end up with one and the same supervisor, and none complains."""
    for _ in range(3):
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        clients = [subprocess.Popen([sys.executable, "-c", WHO], **pipes, text=True) for _ in range(4)]
        answers = [client.communicate(timeout=60) for client in clients]
        assert len({pid for pid, _ in answers}) == 1, answers
        assert [complaint for _, complaint in answers] == [""] * 4
        pid = int(answers[0][0])
        wait_until(lambda pid=pid: supervisors(runtime) == [pid], "the losers' exit")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not supervisors(runtime), "its end")


@pytest.mark.usefixtures("autostart")
def test_a_command_substitution_returns(runtime: Path) -> None:
    """`x=$(…)` ends with the command, though the supervisor it started lives on (with its pipe it would block)."""
    script = f'x=$("{sys.executable}" -c "{WHO}"); echo "got $x"'
    started = Stopwatch()
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=BOUND_S, check=True)
    assert started.calm < 5
    assert done.stdout.split() == ["got", str(supervisors(runtime)[0])]


@pytest.mark.usefixtures("autostart")
def test_ctrl_c_in_that_terminal_does_not_stop_it(runtime: Path) -> None:
    """A SIGINT, SIGTERM or SIGHUP to the group of the program that started it ends that program alone."""
    script = WHO + "; import time; time.sleep(60)"
    for number in (signal.SIGINT, signal.SIGHUP):
        program = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        os.killpg(program.pid, number)
        program.wait(BOUND_S)
        program.stdout.close()
        with Client(start=False) as client:
            assert client.status().supervisor.pid == pid
    assert supervisors(runtime) == [pid]


@pytest.mark.usefixtures("autostart")
def test_a_daemon_holds_nothing_of_who_started_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its own session but not its leader, init's child, cwd /, no terminal, no foreign descriptor or service words."""
    for name in ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        monkeypatch.setenv(name, "1")
    monkeypatch.chdir(tmp_path)
    with open(tmp_path / "inherited", "w") as inherited:
        os.set_inheritable(inherited.fileno(), True)
        with Client() as client:
            pid = client.status().supervisor.pid
        assert inherited.name not in descriptors.targets(pid)
    assert os.readlink(f"/proc/{pid}/fd/0") == os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
    assert os.readlink(f"/proc/{pid}/fd/2") == str(find().supervisor_log)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.getsid(pid) not in (pid, os.getsid(0))
    assert int(field(pid, "PPid")) != os.getpid()
    ignored = int(field(pid, "SigIgn"), 16)
    assert not ignored & (1 << signal.SIGHUP - 1)
    names = {entry.split(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
    assert not names & {b"NOTIFY_SOCKET", b"LISTEN_FDS", b"LISTEN_PID", b"LISTEN_FDNAMES"}
    assert find().supervisor_log.stat().st_mode & 0o777 == 0o600


def test_a_supervisor_that_cannot_start_is_explained(autostart: Callable[[str], object]) -> None:
    """The error is no_supervisor, exit code 3, with the last line of the log and where the rest is; nothing waits."""
    autostart("nonsense = 1\n")
    started = Stopwatch()
    with pytest.raises(HushdError, match=r"nonsense.*supervisor\.log") as caught:
        Client().status()
    assert (caught.value.code, caught.value.exit_code) == ("no_supervisor", 3)
    assert "\n" not in caught.value.message
    assert "worker, wyoming): see " in caught.value.message, "the list of keys is whole"
    assert started.calm < 5


def test_a_supervisor_that_finishes_its_jobs_is_told_of(
    autostart: Callable[[str], object], runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that meets the lock of a leaving supervisor gets an answer: it waits longer than a supervisor does."""
    assert starting.START_TIMEOUT_S > lock.LOCK_TIMEOUT_S + 1
    monkeypatch.setattr(starting, "START_TIMEOUT_S", 60.0)
    with open(runtime / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(
            HushdError, match="it may be finishing its last jobs; ask again in a moment, or end it"
        ) as caught:
            Client().status()
    assert caught.value.code == "no_supervisor"
