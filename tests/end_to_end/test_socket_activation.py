"""Supervisors that a service manager starts with the first request: nothing runs at rest, and nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd import Client, HushdError
from hushd.transport.call import new_id
from hushd.transport.connection import Connection
from hushd_protocol.messages import Error, Request, Result
from hushd_protocol.system.paths import find
from support.client_calls import result, sent
from support.outside import needs
from support.peer import BOUND_S, CONFIG, Peer, Supervisor, check_nothing_is_left, wait_until
from support.service_manager import ServiceManager

Start = Callable[..., Supervisor]
LEAVES_SOON = "exit_when_idle = 0.2\n[worker]\nkeep_alive = 0\n" + CONFIG
ACTIVATE = shutil.which("systemd-socket-activate")


@pytest.fixture
def manager(runtime: Path) -> Iterator[ServiceManager]:
    """A service manager that listens in the runtime folder; the configuration is `CONFIG` unless a test writes it."""
    configure(CONFIG)
    manager = ServiceManager(runtime)
    yield manager
    manager.stop()
    check_nothing_is_left(runtime)


def configure(text: str) -> None:
    Path(os.environ["HUSHD_CONFIG"]).write_text(text)


def ask(client: Client, op: str = "echo", worker: str = "stt/echo/a", **params: object) -> dict[str, object]:
    """The data of the result of one request, by all means that a client has to get it."""
    request = Request(id=new_id(), worker=worker, op=op, params=dict(params), input="none")
    return result(sent(client, request)).data


def work(client: Client, until: Path) -> dict[str, object]:
    """A job that ends once the file `until` is there, however late this machine is."""
    return ask(client, "sleep", "stt/fake/one", until=str(until))


def activate(runtime: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Starts systemd-socket-activate and waits for its socket.

    On a busy machine its version 252 now and then aborts at once, because its first socket did not become descriptor
    3 (`Assertion 'r == SD_LISTEN_FDS_START + count' failed`): that is tried again.
    """
    errors = runtime / "errors"
    for _ in range(5):
        with open(errors, "w") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=output)
        wait_until(lambda: (runtime / "client.sock").exists() or process.poll() is not None, "the socket")  # noqa: B023
        try:
            process.wait(0.5)  # the abort comes right after the socket
        except subprocess.TimeoutExpired:
            return process
        assert "SD_LISTEN_FDS_START" in errors.read_text(), errors.read_text()
        (runtime / "client.sock").unlink(missing_ok=True)
    raise AssertionError(f"systemd-socket-activate does not start: {errors.read_text()}")


@needs("systemd-socket-activate")
def test_systemd_starts_it_with_the_first_request(runtime: Path) -> None:
    """Nothing of hushd runs before; the request that woke it is answered, and with nothing to do it leaves again."""
    configure(LEAVES_SOON)
    names = ("HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR", "HUSHD_CONFIG")
    assert ACTIVATE
    command = [ACTIVATE, *(f"--setenv={name}" for name in names), "-l", str(runtime / "client.sock")]
    process = activate(runtime, [*command, sys.executable, "-P", "-m", "hushd_supervisor"])
    try:
        inode = (runtime / "client.sock").stat().st_ino
        assert os.readlink(f"/proc/{process.pid}/exe") == os.path.realpath(ACTIVATE)
        with Client() as client:
            assert ask(client, n=1)["params"] == {"n": 1}
            assert client.status().supervisor.pid == process.pid
        assert process.wait(BOUND_S) == 0
        assert (runtime / "client.sock").stat().st_ino == inode  # not ours to remove
        assert not (runtime / "worker.sock").exists()
        assert "no program uses this supervisor" in find().supervisor_log.read_text()
    finally:
        process.kill()
        process.wait()
    check_nothing_is_left(runtime)


def test_requests_around_the_moment_of_idle_exit_are_all_answered(manager: ServiceManager, runtime: Path) -> None:
    """Four clients, old and new ones, ask again and again when it is about to leave: 60 requests, 60 results."""
    configure(LEAVES_SOON)
    rng = random.Random(7)
    failures: list[BaseException] = []
    pids: set[object] = set()

    def hammer(pauses: list[float], fresh: bool) -> None:
        client = Client()
        try:
            for number, pause in enumerate(pauses):
                if fresh:
                    client.close()
                    client = Client()
                if number % 3 == 0:
                    assert ask(client, n=number)["params"] == {"n": number}
                else:
                    pids.add(client.status().supervisor.pid)
                time.sleep(pause)  # the claim is about this moment
        except BaseException as error:
            failures.append(error)
        finally:
            client.close()

    # All wait for about the idle time, so that most rounds end with an exit, and some meet it.
    rounds = [rng.uniform(0.18, 0.3) for _ in range(15)]
    threads = [
        threading.Thread(target=hammer, args=([pause + rng.uniform(0, 0.01) for pause in rounds], number % 2 == 0))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert failures == []
    assert len(manager.starts) > 3, "it never left"
    wait_until(lambda: manager.service is None, "its leaving")
    assert set(manager.statuses) == {0}
    assert "Traceback" not in find().supervisor_log.read_text()


def test_every_moment_of_the_exit_is_survived(manager: ServiceManager) -> None:
    """Thirty clients or more at random moments of several short lives: each gets its status."""
    configure("exit_when_idle = 0\n")
    failures: list[BaseException] = []

    def visit() -> None:
        try:
            with Client() as client:
                client.status()
        except BaseException as error:
            failures.append(error)

    rng = random.Random(3)
    threads: list[threading.Thread] = []
    while len(threads) < 30 or len(manager.starts) <= 3:  # on a busy machine many come before the first life ends
        threads.append(threading.Thread(target=visit))
        threads[-1].start()
        time.sleep(rng.uniform(0.0, 0.2))  # a life is 0.1 s long, and the way to the next one about as long
    for thread in threads:
        thread.join(50)
    assert failures == []


def test_a_running_job_survives_the_managers_stop_and_the_next_supervisor_serves_who_asks(
    manager: ServiceManager, runtime: Path
) -> None:
    """SIGTERM with a job running: it finishes; old and new clients that ask meanwhile get their results of the next."""
    with Client() as client, Client() as old:
        first = old.status().supervisor.pid
        long: list[object] = []
        runner = threading.Thread(target=lambda: long.append(work(client, runtime / "done")))
        runner.start()
        wait_until(lambda: running(old), "a running job")
        os.kill(first, signal.SIGTERM)
        answers: list[object] = []
        with Client() as new:
            askers = [
                threading.Thread(target=lambda who=who: answers.append(ask(who, n=1)["params"])) for who in (old, new)
            ]
            for asker in askers:
                asker.start()
            wait_until(lambda: "asked to leave" in find().supervisor_log.read_text(), "the signal")
            assert (long, answers) == ([], [])
            (runtime / "done").touch()
            runner.join(BOUND_S)
            assert len(long) == 1
            for asker in askers:
                asker.join(BOUND_S)
            assert answers == [{"n": 1}] * 2
            assert new.status().supervisor.pid != first
    assert manager.statuses[0] == 0


def running(client: Client) -> bool:
    return any(row.running for row in client.status().workers)


def test_a_second_stop_waits_for_nothing(manager: ServiceManager) -> None:
    """The running job is ended with `shutting_down`; who waited is served by the next supervisor."""
    with Client() as client:
        pid = client.status().supervisor.pid
        with Peer(manager.path) as peer:
            request = peer.request("sleep", "stt/fake/one", params={"s": 60})
            wait_until(lambda: running(client), "a running job")
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: "asked to leave" in find().supervisor_log.read_text(), "the first signal")
            assert running(client)  # it still lets people in
            os.kill(pid, signal.SIGTERM)
            error = peer.expect(Error)
            assert (error.id, error.code) == (request, "shutting_down")
        assert client.status().supervisor.pid != pid


@pytest.mark.parametrize("activated", [True, False], ids=["activated", "started by a client"])
def test_hushd_restart(runtime: Path, monkeypatch: pytest.MonkeyPatch, activated: bool) -> None:
    """The running job finishes, who asks meanwhile is served by the next one, which is there when it returns."""
    configure(CONFIG)
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    manager = ServiceManager(runtime) if activated else None
    try:
        with Client() as worker, Client() as asker:
            first = asker.status().supervisor.pid
            results: list[object] = []
            runner = threading.Thread(target=lambda: results.append(work(worker, runtime / "done")))
            runner.start()
            wait_until(lambda: running(asker), "a running job")
            renewer = subprocess.Popen(hushd("restart"), stderr=subprocess.PIPE, text=True)
            wait_until(lambda: row_state(asker) == "draining", "the restart")
            threading.Timer(0.3, (runtime / "done").touch).start()  # who comes next finds it at work
            with Client() as new:  # the door is open, and who comes is kept
                assert ask(new, n=2)["params"] == {"n": 2}
                runner.join(BOUND_S)
                assert len(results) == 1
                assert renewer.communicate(timeout=BOUND_S) == (None, "")
                assert renewer.returncode == 0
                assert new.status().supervisor.pid != first
            assert asker.status().supervisor.pid != first
    finally:
        with Client(start=False) as client:
            client.shutdown()
        if manager:
            manager.stop()
    check_nothing_is_left(runtime)


def row_state(client: Client) -> str:
    return next((row.state for row in client.status().workers if row.name == "stt/fake/one"), "")


def hushd(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hushd", *arguments]


def test_hushd_restart_keeps_a_supervisor_whose_configuration_was_broken_meanwhile(supervisor: Supervisor) -> None:
    """Nonsense is one sentence and exit code 2, and the running supervisor goes on."""
    configure("nonsense = 1\n")
    done = subprocess.run(hushd("restart"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert supervisor.process.poll() is None
    with supervisor.connect() as peer:
        peer.ask("echo")


def test_one_that_was_started_before_the_manager_listened_makes_way(start_supervisor: Start, runtime: Path) -> None:
    """Its socket is replaced: it notices without a timer, finishes its job and leaves; nobody steals its lock."""
    first = start_supervisor(CONFIG)
    with first.connect() as peer:
        request = peer.request("sleep", "stt/fake/one", params={"until": str(runtime / "done")})
        wait_until(lambda: peer.status("stt/fake/one")["running"] == 1, "a running job")
        manager = ServiceManager(runtime)
        try:
            wait_until(lambda: "no longer this supervisor's" in first.log(), "its notice")
            assert peer.status("stt/fake/one")["running"] == 1
            (runtime / "done").touch()
            with Client() as client:
                assert ask(client, n=1)["params"] == {"n": 1}
                assert first.process.wait(BOUND_S) == 0
                result = peer.expect(Result)
                assert result.id == request
                assert client.status().supervisor.pid == manager.starts[0].pid
        finally:
            manager.stop()


def test_an_idle_one_makes_way_at_once(start_supervisor: Start, runtime: Path) -> None:
    """At rest, with no timer that would look: the replaced socket itself tells it."""
    first = start_supervisor(CONFIG)
    manager = ServiceManager(runtime)
    try:
        assert first.process.wait(BOUND_S) == 0
        assert manager.path.exists()
        assert manager.starts == []
    finally:
        manager.stop()


def test_hushd_run_leaves_the_managers_socket_alone(manager: ServiceManager) -> None:
    """By hand while nothing runs: it says that somebody listens, and its look has started the manager's service."""
    inode = manager.path.stat().st_ino
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hushd_supervisor"], capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert done.returncode == 0
    assert "already listens" in done.stderr
    assert manager.path.stat().st_ino == inode
    with Client() as client:
        assert client.status().supervisor.pid == manager.starts[-1].pid


def test_an_activated_one_waits_for_a_holder_that_lives(runtime: Path) -> None:
    """A living holder of the lock is neither ended nor robbed: it is waited for, and then served instead."""
    configure(CONFIG)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    manager = ServiceManager(runtime)
    try:
        with Client() as client:
            with pytest.raises(HushdError, match="does not answer"):
                connect_briefly(manager.path)
            assert holder.poll() is None
            threading.Timer(0.3, lambda: holder.communicate("")).start()
            assert client.status().supervisor.pid == manager.starts[0].pid
    finally:
        manager.stop()
        holder.kill()
        holder.communicate()


HOLDER = """
import sys
from hushd_protocol.system.paths import find
from hushd_supervisor.system.sockets import lock
assert lock.acquire(find()) is not None
print("held", flush=True)
sys.stdin.read()
"""


def connect_briefly(path: Path) -> None:
    Connection(path, patience=0.5).close()


def test_a_configuration_that_makes_no_sense_is_told_by_status(runtime: Path) -> None:
    """The service ends with status 2, which the unit takes for final; its sentence is on standard error."""
    configure("nonsense = 1\n")
    manager = ServiceManager(runtime)
    try:
        with pytest.raises(HushdError):
            connect_briefly(manager.path)
        wait_until(lambda: manager.statuses, "an end")
        assert manager.statuses[0] == 2
        assert "there is no key nonsense" in (runtime / "errors").read_text()
        configure("")
        with Client() as client:
            client.status()
    finally:
        manager.stop()
