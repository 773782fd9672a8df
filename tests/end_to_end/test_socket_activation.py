"""Supervisors that a service manager starts with the first request: nothing runs at rest, and nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import Client
from hushd.transport.call import Call, new_id
from hushd.transport.retry import RetryingCall
from hushd.transport.steps import run
from hushd_protocol.messages import Request, Result
from hushd_protocol.system.paths import find
from support.outside import needs
from support.peer import BOUND_S, CONFIG, check_nothing_is_left, wait_until

from .service_manager import ServiceManager

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
    call = RetryingCall(client.link, Call, request, None)
    run(call.begin())
    while not isinstance(message := run(call.receive()), Result):
        assert message
    return message.data


def work(client: Client, until: Path) -> dict[str, object]:
    """A job that ends once the file `until` is there, however late this machine is."""
    return ask(client, "wait", "stt/fake/one", until=str(until))


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
    """Four clients, old and new ones, ask again and again when it is about to leave: 60 requests, 60 results. In each
    fourth round all wait until it has left, which on a busy machine they would prevent in all others."""
    configure(LEAVES_SOON)
    rng = random.Random(7)
    failures: list[BaseException] = []
    pids: set[object] = set()
    together = threading.Barrier(4, timeout=BOUND_S)

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
                if number % 4 == 3:
                    together.wait()
                    wait_until(lambda: manager.service is None, "its leaving")
                    together.wait()
        except BaseException as error:
            failures.append(error)
            together.abort()
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
        thread.join(4 * BOUND_S)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    assert len(manager.starts) > 3, "it never left"
    wait_until(lambda: manager.service is None, "its leaving")
    assert set(manager.statuses) == {0}
    assert "Traceback" not in find().supervisor_log.read_text()


def running(client: Client) -> bool:
    return any(row.running for row in client.status().workers)


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
            renewer = subprocess.Popen([sys.executable, "-m", "hushd", "restart"], stderr=subprocess.PIPE, text=True)
            wait_until(lambda: "draining" in [row.state for row in asker.status().workers], "the restart")
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
