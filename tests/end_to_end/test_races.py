"""The races of similar projects that need real processes, sockets and signals, each named after its number.

Those that the brain decides are in tests/supervisor/core/worker/test_races.py and test_leases.py; 24 is in
test_autostart.py.
"""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hushd_protocol.messages import Accepted, Cancel, Error, Partial, Result
from hushd_protocol.system.footprint import rss
from support import descriptors
from support.peer import BOUND_S, CONFIG, ECHO, FAKE, Peer, Supervisor, command, descendants, wait_until
from support.stopwatch import Stopwatch

Start = Callable[..., Supervisor]


def fake(*flags: str) -> str:
    """A configuration with the misbehaving worker as `stt/fake` and a good one as `stt/echo`."""
    return f'[worker."stt/fake"]\n{command(FAKE, *flags)}[worker."stt/echo"]\n{command(ECHO)}'


def gone(pid: int) -> bool:
    """Returns whether the process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_race_9_grandchild_holds_the_stdout_pipe(start_supervisor: Start) -> None:
    """A worker whose child keeps stdout open is seen to exit at once, and the child goes with it."""
    supervisor = start_supervisor(fake("--grandchild"))
    with supervisor.connect() as client:
        pids = client.ask("pids", "stt/fake/a")
        began = Stopwatch()
        client.control("unload", "stt/fake")
        assert began.calm < 3
        assert client.status("stt/fake/a")["state"] == "stopped"
    wait_until(lambda: all(gone(pid) for pid in (pids["pid"], *pids["children"])), "the exit of worker and grandchild")


def test_race_10_a_stop_by_the_supervisor_reaches_who_left_the_group(start_supervisor: Start) -> None:
    """Killed for ignoring its drain, a worker takes along what it started, in a session of its own or not."""
    supervisor = start_supervisor(fake("--grandchild", "--setsid-grandchild", "--ignore-cancel"))
    with supervisor.connect() as client:
        pids = client.ask("pids", "stt/fake/a")
        assert len(pids["children"]) == 2
        job = client.request("sleep", "stt/fake/a", params={"s": 60})
        wait_until(lambda: client.status("stt/fake/a")["running"] == 1)
        client.send(Cancel(id=job))
        assert client.expect(Error).code == "cancelled"
    wait_until(lambda: all(gone(pid) for pid in (pids["pid"], *pids["children"])), "the exit of everybody")


@pytest.mark.parametrize("flag", ["", "--grandchild"])
def test_race_11_supervisor_is_killed(start_supervisor: Start, flag: str) -> None:
    """One second after SIGKILL to the supervisor no worker and no grandchild of its group is left."""
    supervisor = start_supervisor(fake(*[flag] if flag else []))
    with supervisor.connect() as client:
        pids = client.ask("pids", "stt/fake/a")
        client.request("sleep", "stt/fake/a", params={"s": 60})
    supervisor.process.send_signal(signal.SIGKILL)
    killed = Stopwatch()
    supervisor.process.wait()
    wait_until(lambda: all(gone(pid) for pid in (pids["pid"], *pids["children"])))
    assert killed.calm < 1.0


def test_race_11_supervisor_is_killed_while_a_worker_starts(start_supervisor: Start, runtime: Path) -> None:
    """A worker that has not come to arm its lifeline yet, or never does, is gone in a second too."""
    sleeper = command([sys.executable, "-c", "import time; time.sleep(60)"])
    supervisor = start_supervisor(f'[worker."stt/sleeper"]\n{sleeper}')
    with supervisor.connect() as client:
        client.request("echo", "stt/sleeper/a")
        # Listed once the supervisor is back from starting it: before that, for some 0.1 ms, it is tied to nothing.
        wait_until(lambda: client.status("stt/sleeper/a")["pid"], "the worker's process")
    supervisor.process.kill()
    killed = Stopwatch()
    supervisor.process.wait()
    wait_until(lambda: not descendants(runtime), "the worker's end")
    assert killed.calm < 1.0


def test_race_12_stale_sockets_are_replaced(start_supervisor: Start) -> None:
    """After a SIGKILL the next supervisor finds socket files that nobody answers, and takes their place."""
    first = start_supervisor()
    first.process.kill()
    first.process.wait()
    assert first.socket.exists()
    second = start_supervisor()
    assert second.ready
    with second.connect() as client:
        assert client.ask("echo", params={"a": 1})["params"] == {"a": 1}


def test_race_12_a_second_supervisor_touches_nothing_of_the_first(start_supervisor: Start) -> None:
    """It leaves with status 0 while the first one's client and worker go on undisturbed."""
    first = start_supervisor()
    with first.connect() as client:
        worker = client.ask("echo")["pid"]
        second = subprocess.run([sys.executable, "-m", "hushd_supervisor"], capture_output=True, timeout=BOUND_S)
        assert second.returncode == 0
        assert b"already" in second.stderr + second.stdout
        assert client.ask("echo")["pid"] == worker


def test_races_21_and_22_nothing_of_the_supervisor_leaks_into_a_worker(start_supervisor: Start) -> None:
    """No descriptor but the standard ones, the lifeline and its own; none of a service manager's variables."""
    supervisor = start_supervisor(
        environment={"LISTEN_FDS": "1", "LISTEN_PID": "1", "NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "SECRET": "s"}
    )
    with supervisor.connect() as client:
        pid = client.ask("echo")["pid"]
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        for name in (b"LISTEN_", b"NOTIFY_SOCKET", b"WATCHDOG_", b"SECRET"):
            assert name not in environment
        both = descriptors.targets(supervisor.pid) & descriptors.targets(pid)
        shared = {name for name in both if not name.startswith("anon_inode") and name != "/dev/null"}
        (lifeline,) = shared
        assert lifeline.startswith("pipe:")


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.night)])
def test_race_23_death_notice_overtakes_the_result(start_supervisor: Start, count: int) -> None:
    """A worker that dies the moment its result is out: as many results as requests, no error."""
    supervisor = start_supervisor(fake("--late-result"))
    with supervisor.connect() as client:
        for number in range(count):
            assert client.ask("echo", "stt/fake/a", params={"n": number})["echo"] == {"n": number}
            client.control("unload")  # forgets the crash, so that no backoff slows the test


def test_race_25_runtime_folder_is_removed_under_a_living_supervisor(start_supervisor: Start, runtime: Path) -> None:
    """Logout removes the folder: no client can come any more, so the supervisor leaves when it next wakes up."""
    supervisor = start_supervisor("[worker]\nkeep_alive = 0.2\n" + CONFIG)
    with supervisor.connect() as client:
        client.ask("echo")
        for name in ("client.sock", "worker.sock", "lock"):
            (runtime / name).unlink()
        assert supervisor.process.wait(60) == 0
    assert not descendants(runtime)


def test_results_are_whole_after_many_partials(supervisor: Supervisor) -> None:
    """Nine hundred partials and a result arrive in order and complete."""
    with supervisor.connect() as client:
        request = client.request("partials", params={"count": 900}, credit=8)
        numbers = []
        while True:
            message = client.receive()
            if isinstance(message, Partial):
                numbers.append(message.data["n"])
            elif isinstance(message, Result):
                break
        assert message.id == request
        assert numbers == list(range(900))


@pytest.mark.parametrize("way", ["cancels", "leaves"])
def test_clients_that_give_up_cost_nobody_the_warm_worker(start_supervisor: Start, way: str) -> None:
    """An engine that looks at its cancel only after a long piece ends that unheard: its client is answered before, and
    the next request waits for the slot, not for another process."""
    supervisor = start_supervisor(f'[worker."stt/echo"]\nmax_replicas = 1\n{command(ECHO)}')
    with supervisor.connect() as client, supervisor.connect() as impatient:
        worker = client.ask("echo")["pid"]
        piece = impatient.request("piece", params={"cpu_s": 2.2})
        wait_until(lambda: client.status()["running"] == 1)
        following = client.request("echo", credit=8)
        if way == "leaves":
            impatient.close()
        else:
            impatient.send(Cancel(id=piece))
            assert impatient.expect(Error).code == "cancelled"
        result = client.expect(Result, 5 * BOUND_S)  # the piece's seconds are of CPU time: many on a busy machine
        assert (result.id, result.data["pid"]) == (following, worker)
        row = client.status()
        assert (row["starts"], row["crashes"]) == (1, 0)
    assert "ignored a cancel" not in supervisor.log()


def test_a_socket_that_is_no_zeromq_is_refused(supervisor: Supervisor) -> None:
    """Bytes that are not ZeroMQ at all disturb nobody, whatever old protocol libzmq takes them for."""
    dice = random.Random(0)
    with supervisor.connect() as client:
        for number in range(30):
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(str(supervisor.socket))
                raw.sendall(dice.randbytes(4096))
                assert client.ask("echo", params={"n": number})["params"] == {"n": number}


def test_an_unfinished_start_leaves_nothing(start_supervisor: Start, runtime: Path) -> None:
    """SIGTERM while a worker is still loading ends both, within the time of a kill."""
    supervisor = start_supervisor(fake("--slow-load", "60"))
    with Peer(supervisor.socket) as client:
        client.request("echo", "stt/fake/a", credit=8)
        wait_until(lambda: descendants(runtime))
        supervisor.process.terminate()
        assert client.expect(Error).code == "shutting_down"
    assert supervisor.process.wait(60) == 0
    assert not descendants(runtime)


def test_a_slow_start_is_waited_for_and_told_about(start_supervisor: Start) -> None:
    """A load of 9 s that says nothing and only grows outlives a `start_timeout` of 4 s, in one process; who waits reads
    how far it is."""
    supervisor = start_supervisor(fake("--crawl", "9").replace("[worker.", "[worker]\nstart_timeout = 4\n[worker.", 1))
    with Peer(supervisor.socket) as client:
        request = client.request("echo", "stt/fake/a", credit=8)
        told = [client.receive(20) for _ in range(3)]
        notes = [message.note for message in told if isinstance(message, Accepted) and message.id == request]
        assert any(note.startswith(("loading, 0.0 of ", "loading, 0.1 of ")) for note in notes), notes
        client.expect(Result)
        (worker,) = client.control("status")["workers"]
    assert (worker["starts"], worker["crashes"]) == (1, 0)


def test_a_full_log_folder_is_no_crash(start_supervisor: Start, runtime: Path) -> None:
    """Without its log folder a worker writes into the supervisor's log: it answers all the same."""
    supervisor = start_supervisor()
    shutil.rmtree(runtime / "state", ignore_errors=True)
    (runtime / "state").write_text("a file in the place of the folder")
    with supervisor.connect() as client:
        assert client.ask("echo", credit=8)["size"] == 0


def test_the_supervisor_is_light(start_supervisor: Start) -> None:
    """At rest it is at most 7 MB more than Python with its libraries, and 9 MB after its first worker.

    These alone are 16.1 MB with one Python 3.11, and 19.6 MB with Debian's 3.14, which keeps another function for the
    annotations of each: 1,284 of them at rest, 0.8 MB. A start that compiles its modules is a megabyte larger, and not
    meant.
    """
    of_annotations = 0.8 if sys.version_info >= (3, 14) else 0
    folders = (Path(__file__).parents[2] / name for name in ("protocol", "schema", "models", "supervisor"))
    subprocess.run([*ECHO[:1], "-P", "-m", "compileall", "-q", *folders], check=True)
    bare = "import ctypes, msgpack, zmq; from hushd_protocol.system.footprint import rss; print(rss())"
    least = int(subprocess.check_output([*ECHO[:1], "-P", "-c", bare])) / 1e6
    supervisor = start_supervisor(cold=True)
    assert rss(str(supervisor.pid)) / 1e6 <= least + 7 + of_annotations
    with supervisor.connect() as client:
        client.ask("echo")
        assert client.control("status")["supervisor"]["rss_mb"] <= least + 9 + of_annotations
    assert "numpy" not in Path(f"/proc/{supervisor.pid}/maps").read_text()


def test_the_supervisor_has_few_modules_at_rest() -> None:
    """It loads at most 136 of hushd's own and 120 of others, and none of those that are large and not always needed."""
    code = "import sys; bare = {*sys.modules}; import hushd_supervisor.__main__; print(*{*sys.modules} - bare)"
    loaded = subprocess.check_output([*ECHO[:1], "-P", "-c", code], text=True).split()
    own = [name for name in loaded if name.startswith("hushd")]
    assert len(own) <= 136
    assert len(loaded) - len(own) <= 120
    late = {"asyncio", "dataclasses", "http", "logging", "numpy", "psutil", "subprocess", "tomllib"}
    assert not late & set(loaded)
    assert not [name for name in own if "neighbours" in name]  # for those who have configured one
