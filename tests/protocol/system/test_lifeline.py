"""Race 11: the supervisor is killed, and what it started is gone within a second, grandchildren too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches processes through pidfds")

# Arguments: what the worker does once armed, what a grandchild in its group does, and a platform to pretend.
WORKER = """
import os, subprocess, sys
from hushd_protocol.system import lifeline
sys.platform = sys.argv[3]
lifeline.arm(int(os.environ["LIFELINE"]), os.getppid())
sys.platform = "linux"
os.set_inheritable(int(os.environ["LIFELINE"]), False)
child = subprocess.Popen([sys.executable, "-c", sys.argv[2]])
os.write(1, f"{os.getpid()} {child.pid}\\n".encode())
exec(sys.argv[1])
"""

# Holds the write end, like a supervisor, and never writes.
SUPERVISOR = """
import os, signal, subprocess, sys
read, write = os.pipe()
subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], env={**os.environ, "LIFELINE": str(read)},
                 pass_fds=[read], process_group=0)
os.close(read)
signal.pause()
"""

BUSY = "while True: pass"
SLEEP = "import time; time.sleep(60)"
HOLDS_THE_LOCK = "import ctypes; ctypes.PyDLL(None).sleep(60)"  # native code that never gives the GIL back


@pytest.fixture
def supervisor() -> Iterator[Callable[..., tuple[int, list[int]]]]:
    """Starts supervisor, worker and grandchild; gives the supervisor's pid and pidfds of the other two."""
    started: list[subprocess.Popen[bytes]] = []

    def start(worker: str, grandchild: str, platform: str = sys.platform) -> tuple[int, list[int]]:
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, WORKER, worker, grandchild, platform],
            stdout=subprocess.PIPE,
            process_group=0,
        )
        started.append(process)
        assert process.stdout
        pids = [int(word) for word in process.stdout.readline().split()]
        return process.pid, [os.pidfd_open(pid) for pid in pids]

    yield start
    for process in started:
        process.kill()
        process.wait(60)
        assert process.stdout
        process.stdout.close()


@pytest.mark.parametrize("worker", [BUSY, SLEEP, HOLDS_THE_LOCK], ids=["busy", "asleep", "native with the GIL"])
@pytest.mark.parametrize("grandchild", [BUSY, HOLDS_THE_LOCK], ids=["busy child", "native child"])
def test_race_11_supervisor_sigkilled(
    worker: str,
    grandchild: str,
    supervisor: Callable[..., tuple[int, list[int]]],
    all_die_within: Callable[[Sequence[int], float], bool],
) -> None:
    """Whatever worker and grandchild are doing, both are dead 1 s after the supervisor was killed by SIGKILL."""
    pid, watched = supervisor(worker, grandchild)
    os.kill(pid, signal.SIGKILL)
    assert all_die_within(watched, 1.0)


@pytest.mark.parametrize("worker", [BUSY, SLEEP], ids=["busy", "asleep"])
def test_race_11_where_the_kernel_does_not_help(
    worker: str,
    supervisor: Callable[..., tuple[int, list[int]]],
    all_die_within: Callable[[Sequence[int], float], bool],
) -> None:
    """Elsewhere than on Linux a thread does it, as long as it gets the GIL."""
    pid, watched = supervisor(worker, HOLDS_THE_LOCK, "darwin")
    os.kill(pid, signal.SIGKILL)
    assert all_die_within(watched, 1.0)


@pytest.mark.parametrize(
    ("parent", "end"), [("1", (-signal.SIGKILL, b"")), ("os.getppid()", (0, b"survived\n"))], ids=["died", "lives"]
)
def test_the_parent_is_the_supervisor(parent: str, end: tuple[int, bytes]) -> None:
    """A worker whose parent is not the supervisor in its environment ends itself while arming, with its whole group;
    with a supervisor that lives it runs to its own end."""
    read, write = os.pipe()
    program = (
        f"import os; from hushd_protocol.system import lifeline; lifeline.arm({read}, {parent}); print('survived')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], pass_fds=[read], process_group=0, stdout=subprocess.PIPE, timeout=60
    )
    os.close(read)
    os.close(write)
    assert (done.returncode, done.stdout) == end
