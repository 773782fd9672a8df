"""Memory among real workers: budget, eviction, pressure, recycling, death by its lack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hushd_protocol.messages import Cancel, Error, Result
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.paths import find
from support.memory_group import MemoryGroup
from support.peer import ECHO, Peer, Start, Supervisor, command, wait_until
from support.stopwatch import Stopwatch

MB = 1_000_000
A, B, C = "stt/echo/a", "stt/echo/b", "tts/echo/c"
ALL_ECHO = f'[worker."stt/echo"]\n{command(ECHO)}[worker."tts/echo"]\n{command(ECHO)}'
SMALL_MACHINE = str(Path(__file__).parents[1] / "support" / "small_machine.py")
SMALL = "[worker]\nmemory_mb = 30\n"
FREE_S = 1.0  # from the news that memory is critically short to its being free


@pytest.fixture
def available(runtime: Path) -> Path:
    """The file that has the available memory of a machine of 4 GB."""
    file = runtime / "available"
    file.write_text(str(3000 * MB))
    return file


@pytest.fixture
def crowded(start_supervisor: Start, runtime: Path) -> Supervisor:
    """A budget of 100 MB for workers that are said to need 50, and cannot even start while another one lives."""
    echo = command(ECHO, "--exclusive", str(runtime / "one-at-a-time"))
    share = 100 * MB / footprint.machine(Cgroup.own()).total
    return start_supervisor(
        f"memory_share = {share}\n[worker]\nmemory_mb = 50\nkeep_alive = -1\n"
        f'[worker."stt/echo"]\n{echo}[worker."tts/echo"]\npinned = true\n{echo}'
    )


def grow(client: Peer, worker: str) -> int:
    """Starts `worker` and has it take 60 MB; returns its process once the supervisor knows its size."""
    client.ask("memory", worker, params={"mb": 60})
    wait_until(lambda: client.status(worker)["need_mb"] > 70)
    pid = client.status(worker)["pid"]
    assert isinstance(pid, int)
    return pid


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


# --- budget and eviction --------------------------------------------------------------------------------------------


def test_an_idle_worker_is_gone_before_the_other_starts(crowded: Supervisor) -> None:
    """B wants memory that A has. A's exit comes before B's start, or B, which locks what A has locked, would crash."""
    with crowded.connect() as client:
        first = grow(client, A)
        assert client.ask("echo", B)["pid"] != first
        assert gone(first)
        rows = {row["name"]: row for row in client.control("status")["workers"]}
        assert (rows[A]["state"], rows[A]["crashes"]) == ("stopped", 0)
        assert (rows[B]["state"], rows[B]["starts"], rows[B]["crashes"]) == ("ready", 1, 0)


# --- pressure -------------------------------------------------------------------------------------------------------


def test_critical_frees_the_memory_of_the_idle(start_supervisor: Start, available: Path) -> None:
    """The idle are gone a second after the first look at it, leases without end or not; the busy finish, the pinned
    stay.

    Who asks for a start meanwhile waits; once memory is no longer short, workers start again.
    """
    supervisor = start_supervisor(ALL_ECHO + "pinned = true\n", inside=[sys.executable, SMALL_MACHINE], cold=True)
    with supervisor.connect() as client, supervisor.connect() as other:
        idle = [client.ask("echo", f"stt/echo/{n}", keep_alive=-1.0)["pid"] for n in range(3)]
        pinned = client.ask("echo", C)["pid"]
        job = client.request("wait", A, credit=8)
        wait_until(lambda: client.status(A)["running"] == 1)
        busy = client.status(A)["pid"]
        available.write_text(str(20 * MB))
        told = Stopwatch()
        cold = other.request("echo", B)  # for which memory is looked at
        wait_until(lambda: all(map(gone, idle)), "the exit of the idle workers")
        assert told.calm < FREE_S
        assert client.control("status")["memory"]["pressure"] == "critical"
        wait_until(lambda: client.status(B)["state"] == "waiting")
        assert client.ask("echo", C)["pid"] == pinned
        assert not gone(busy)
        client.send(Cancel(id=job))
        assert client.expect(Error).code == "cancelled"
        wait_until(lambda: gone(busy), "the exit of the worker that was busy")
        other.send(Cancel(id=cold))
        assert other.expect(Error).code == "cancelled"
        available.write_text(str(3000 * MB))
        wait_until(lambda: client.control("status")["memory"]["pressure"] == "normal", "the end of the pressure")
        assert other.ask("echo", B)


def test_who_waits_runs_once_memory_is_back(start_supervisor: Start, memory_group: MemoryGroup) -> None:
    """Another program gives 850 of a real group's 900 MB back while a start waits, after the last sign."""
    inside = memory_group.command(900 * MB)
    supervisor = start_supervisor("[worker]\nmemory_mb = 400\n" + ALL_ECHO, inside=inside, cold=True)
    take = "import sys; taken = b'1' * 850_000_000; print(len(taken), flush=True); sys.stdin.read()"
    with (
        supervisor.connect() as client,
        subprocess.Popen([*inside, sys.executable, "-c", take], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,
    ):
        assert other.stdout
        assert other.stdout.readline()
        request = client.request("echo", A)
        wait_until(lambda: client.status(A)["state"] == "waiting", "a start that waits")
        assert client.control("status")["memory"]["pressure"] == "critical"
        other.kill()
        assert client.result(request)


# --- death ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("available")  # a group at its limit stalls, and pressure from that would end the other worker
def test_a_worker_that_the_kernel_killed_says_why(start_supervisor: Start, memory_group: MemoryGroup) -> None:
    """Beyond the limit of our group the kernel kills the worker, which its client is told, and nobody else."""
    supervisor = start_supervisor(
        SMALL + ALL_ECHO, inside=[*memory_group.command(400 * MB), sys.executable, SMALL_MACHINE], cold=True
    )
    with supervisor.connect() as client:
        other = client.ask("echo", B)["pid"]
        error = client.fail("memory", A, params={"mb": 600}, attempt=1)
        assert error.code == "poison_request"
        assert "out of memory" in error.message
        assert "perhaps" not in error.message
        assert client.ask("echo", B)["pid"] == other


# --- recycling ------------------------------------------------------------------------------------------------------


def test_a_leaking_engine_holds_its_ceiling(start_supervisor: Start) -> None:
    """10 MB lost at each of 200 requests without a pause: no request fails, and no process gets beyond its limit by
    more than what the two jobs take that may run before the news of it is there."""
    ceiling, leak, requests = 240 * MB, 10, 200
    supervisor = start_supervisor(f'[worker."stt/echo"]\nmax_pss_mb = {ceiling / MB}\n{command(ECHO)}')
    with supervisor.connect() as client:
        window = {client.request("memory", A, params={"mb": leak}) for _ in range(3)}
        for _ in range(requests - 3):
            window.remove(client.expect(Result).id)
            window.add(client.request("memory", A, params={"mb": leak}))
        for _ in range(3):
            window.remove(client.expect(Result).id)
        # A process that is used up may have its replacement beside it, a worker of its own in the status.
        rows = [row for row in client.control("status")["workers"] if row["name"].partition("#")[0] == A]
        assert (sum(row["requests"] for row in rows), sum(row["crashes"] for row in rows)) == (requests, 0)
        assert sum(row["starts"] for row in rows) >= requests * leak * MB // (ceiling + 2 * leak * MB)
        taken = (leak + 0.5) * MB  # each piece of memory has a page of its own, and the heap grows besides
        assert max(row["need_mb"] for row in rows) * MB < ceiling + 2 * taken


LIAR = """
import runpy, sys
from hushd_worker import usage
def measure(self):
    self.now = self.peak = 1 << 40
usage.PrivateMemory.measure = measure
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def test_a_worker_that_lies_of_its_memory_hinders_nobody(start_supervisor: Start, runtime: Path) -> None:
    """Others start beside it, and the next supervisor knows nothing of what it said."""
    (runtime / "liar.py").write_text(LIAR)
    find().needs.parent.mkdir(parents=True, exist_ok=True)
    find().needs.write_text(json.dumps({"tts/echo/a": 1 << 40}))  # by one that believed a liar
    liar = command([sys.executable, str(runtime / "liar.py"), ECHO[1]])
    config = f'[worker."stt/echo"]\nmemory_mb = 50\n{liar}[worker."tts/echo"]\nmemory_mb = 50\n{command(ECHO)}'
    supervisor = start_supervisor(config)
    with supervisor.connect() as peer:
        peer.ask("echo")
        assert peer.status()["peak_mb"] < 1000
        peer.ask("echo", "tts/echo/a")
        assert peer.status()["state"] == "ready"
        peer.control("unload")
    learnt = json.loads(find().needs.read_text())
    assert learnt
    assert max(learnt.values()) < 1_000_000_000
