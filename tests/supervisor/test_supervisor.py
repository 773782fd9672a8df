"""Tests of the whole supervisor: a real process with real workers, seen from outside."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

import pytest
from hushd_protocol.messages import Error, Partial, Result
from support import warm
from support.peer import BOUND_S, CONFIG, Peer, Start, Supervisor, wait_until
from support.wakeups import comes_to_rest


def test_sockets_lock_and_logs_are_private(supervisor: Supervisor) -> None:
    """Nobody else may open any of them, whatever the caller's umask."""
    with supervisor.connect() as peer:
        peer.ask("echo")
    files = [*supervisor.folder.glob("*.sock"), supervisor.folder / "lock", *supervisor.folder.glob("state/logs/*")]
    assert len(files) == 4
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(supervisor: Supervisor, number: int) -> None:
    """Status 0, the worker gone, no socket left, no traceback; a running job finishes first."""
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
        request = peer.request("partials", params={"count": 500})
        peer.expect(Partial)
        supervisor.process.send_signal(number)
        while not isinstance(message := peer.receive(), Result):
            assert isinstance(message, Partial), message
        assert message.id == request
        assert supervisor.process.wait(BOUND_S) == 0
    assert not Path(f"/proc/{pid}").exists()
    assert list(supervisor.folder.glob("*.sock")) == []
    assert "Traceback" not in supervisor.log()


def test_a_hangup_has_a_daemon_read_its_configuration_again(supervisor: Supervisor) -> None:
    """SIGHUP opens the addresses that stand there now, and ends nothing."""
    door = supervisor.folder / "door.sock"
    config = supervisor.folder / "config.toml"
    config.write_text(f'http.listen = ["unix://{door}"]\n{config.read_text()}')
    supervisor.process.send_signal(signal.SIGHUP)
    wait_until(door.exists, "the door")
    with supervisor.connect() as peer:
        assert peer.ask("echo")["pid"]


def test_a_terminal_that_is_closed_ends_it_in_order(runtime: Path) -> None:
    """The terminal's SIGHUP means that who ran it there has gone: status 0, and no socket left."""
    terminal, stderr = os.openpty()
    process = warm.Popen([sys.executable, "-P", "-m", "hushd_supervisor"], stderr=stderr, env=os.environ)
    os.close(stderr)
    try:
        wait_until((runtime / "client.sock").exists, "its socket")
        with Peer(runtime / "client.sock"):  # it answers, so it has taken over its signals
            process.send_signal(signal.SIGHUP)
        assert process.wait(BOUND_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert list(runtime.glob("*.sock")) == []


def test_one_whose_socket_is_removed_leaves(supervisor: Supervisor) -> None:
    """A logout may remove the folder: no client can come any more, so it ends by itself, with status 0."""
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
    supervisor.socket.unlink()
    assert supervisor.process.wait(BOUND_S) == 0
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere its next timer finds that")
def test_one_at_rest_leaves_when_its_socket_is_removed(start_supervisor: Start) -> None:
    """Nothing wakes it but the folder itself: one that nobody asks for anything does not stay behind a logout."""
    supervisor = start_supervisor("")
    with supervisor.connect() as peer:
        peer.control("status")
    comes_to_rest(supervisor.pid)
    supervisor.socket.unlink()
    assert supervisor.process.wait(BOUND_S) == 0


def test_the_second_signal_waits_for_nothing(supervisor: Supervisor) -> None:
    """A job that would go on is killed with its worker, its client gets the error, and the status is still 0."""
    with supervisor.connect() as peer:
        request = peer.request("wait", "stt/fake/one")
        wait_until(lambda: peer.status("stt/fake/one")["running"] == 1, "a running job")
        supervisor.process.terminate()
        wait_until(lambda: not supervisor.socket.exists(), "the first signal")
        assert supervisor.process.poll() is None
        supervisor.process.terminate()
        error = peer.expect(Error)
        assert error.id == request
        assert supervisor.process.wait(BOUND_S) == 0


def test_one_that_was_started_by_a_client_leaves_when_nobody_needs_it(start_supervisor: Start) -> None:
    """It leaves after its idle time, with status 0; what it says is in its log file, not on the client's standard
    error."""
    supervisor = start_supervisor(CONFIG, "--auto")
    with supervisor.connect() as peer:
        peer.ask("echo", keep_alive=0)
        # Only now, since a busy machine could take longer to connect than it then waits.
        (supervisor.folder / "config.toml").write_text("exit_when_idle = 0.2\n" + CONFIG)
        peer.control("reload")
        assert supervisor.process.wait(BOUND_S) == 0
    assert supervisor.log() == ""
    assert "listens on" in (supervisor.folder / "state" / "logs" / "supervisor.log").read_text()


def test_a_client_that_vanishes_frees_its_worker(supervisor: Supervisor) -> None:
    """Its running job is cancelled, its waiting ones are forgotten, and nobody else waits for them."""
    with supervisor.connect() as other:
        pid = other.ask("echo")["pid"]
        peer = supervisor.connect()
        for _ in range(10):
            peer.request("wait")
        wait_until(lambda: other.status()["queued"] == 9, "a queue")
        peer.close()
        assert other.ask("echo")["pid"] == pid
        assert (other.status()["queued"], other.status()["crashes"]) == (0, 0)


def test_starts_and_stops_leave_nothing(supervisor: Supervisor) -> None:
    """Twenty lives of a worker: no descriptor, no zombie, no file, less than 1 MB more."""
    with supervisor.connect() as peer:

        def live() -> None:
            peer.ask("echo")
            assert peer.control("unload") == {"unloaded": ["stt/echo/a"]}

        live()
        wait_until((supervisor.folder / "state" / "needs.json").exists, "what it was seen to need")
        before = open_files(supervisor), resident(supervisor), files(supervisor)
        for _ in range(20):
            live()
        # The last exit is answered a moment before the watch over memory pressure ends.
        wait_until(lambda: open_files(supervisor) <= before[0], "the last descriptor's end")
        assert resident(supervisor) - before[1] < 1_000_000
        assert files(supervisor) == before[2]
        assert children(supervisor) == []
        assert peer.status()["starts"] == 21


def test_an_idle_supervisor_does_not_wake_up(supervisor: Supervisor) -> None:
    """No thread of it is scheduled any more with a client connected, before any worker and after one."""
    with supervisor.connect() as peer:
        for _ in range(2):
            comes_to_rest(supervisor.pid)
            peer.ask("echo")
            peer.control("unload")


def open_files(supervisor: Supervisor) -> int:
    return len(os.listdir(f"/proc/{supervisor.pid}/fd"))


def resident(supervisor: Supervisor) -> int:
    (line,) = [ln for ln in Path(f"/proc/{supervisor.pid}/status").read_text().splitlines() if ln.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def files(supervisor: Supervisor) -> list[str]:
    return sorted(str(path) for path in supervisor.folder.rglob("*"))


def children(supervisor: Supervisor) -> list[str]:
    return Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
