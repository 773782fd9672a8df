"""Tests of daemons that workers start: they end with their worker, though they have left its group and their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import zmq
from hushd_protocol.system.lifeline import TREE
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.orphans import Orphans
from hushd_supervisor.system.process import Child
from support.peer import ECHO, Peer, Start, Supervisor, command, is_gone, wait_until
from support.wakeups import comes_to_rest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a process its descendants' orphans")

# Starts a daemon as daemons start, deaf to SIGTERM, with one child in a session of its own; then is the worker.
_STARTER = """
import os, signal, sys
def leave():
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True
if leave():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    name = sys.argv[1]
    if leave():
        name += ".child"
    open(name + ".new", "w").write(str(os.getpid()))
    os.rename(name + ".new", name)
    signal.pause()
os.wait()
os.execv(sys.argv[2], sys.argv[2:])
"""


def starting(folder: Path) -> str:
    """The configuration of `stt/echo/a`, whose process starts a daemon."""
    (program := folder / "starter.py").write_text(_STARTER)
    words = command([sys.executable, str(program), str(folder / "daemon")], *ECHO)
    return f'[worker."stt/echo"]\nmemory_mb = 50\nkeep_alive = 600\n{words}'


def daemons(folder: Path) -> list[int]:
    """The processes that the worker has started."""
    files = (folder / "daemon", folder / "daemon.child")
    return [int(wait_until(lambda file=file: file.exists() and file.read_text(), "a daemon")) for file in files]


def exits(peer: Peer, worker: int) -> None:
    peer.control("unload", "stt/echo/a")


def is_killed(peer: Peer, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("end", [exits, is_killed])
def test_a_daemon_ends_with_its_worker(
    start_supervisor: Start, tmp_path: Path, end: Callable[[Peer, int], None]
) -> None:
    """It left its group by setsid and its parent by two forks, and is deaf to SIGTERM; none becomes a zombie."""
    supervisor = start_supervisor(starting(tmp_path))
    with supervisor.connect() as peer:
        worker = peer.ask("echo")["pid"]
        left = daemons(tmp_path)
        assert not [pid for pid in left if is_gone(pid)]
        end(peer, worker)
        wait_until(lambda: not [pid for pid in (worker, *left) if psutil.pid_exists(pid)], "their ends")
        assert not psutil.Process(supervisor.pid).children()


def test_a_daemon_stays_as_long_as_its_worker(start_supervisor: Start, tmp_path: Path) -> None:
    """Another worker's end does not concern it, nor does its own child's, whom the supervisor reaps; and they wake
    nobody."""
    supervisor = start_supervisor(starting(tmp_path) + f'[worker."tts/echo"]\nmemory_mb = 50\n{command(ECHO)}')
    with supervisor.connect() as peer:
        peer.ask("echo")
        parent, child = daemons(tmp_path)
        other = peer.ask("echo", "tts/echo/a")["pid"]
        os.kill(other, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(child) and not psutil.pid_exists(other), "their ends")
        assert not is_gone(parent)
        peer.close()
        comes_to_rest(supervisor.pid)


def test_a_daemon_of_a_killed_supervisor_ends_with_the_next(
    start_supervisor: Callable[..., Supervisor], tmp_path: Path
) -> None:
    """The lifeline ends the worker's group alone; the next supervisor of the folder finds the daemons."""
    first = start_supervisor(starting(tmp_path))
    with first.connect() as peer:
        peer.ask("echo")
    left = daemons(tmp_path)
    first.process.kill()
    first.process.wait()
    assert not [pid for pid in left if is_gone(pid)]
    start_supervisor("")
    wait_until(lambda: not [pid for pid in left if not is_gone(pid)], "their ends")


# Starts a process for each mark, takes them for adopted ones, and says which of them live.
_ADOPTING = """
import os, signal, subprocess, sys
from hushd_protocol.system.lifeline import TREE
import zmq
from hushd_supervisor.core.events import Exited, Spawned
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.orphans import Orphans
from hushd_supervisor.system.process import Child
wait = [sys.executable, "-c", "import signal; signal.pause()"]
started = {mark: subprocess.Popen(wait, env={TREE: mark}) for mark in sys.argv[2:]}
ours, killed = Children(zmq.Poller(), Child), sys.argv[1] == "predecessor"
living = {"1-2-living"}
orphans = Orphans("1-2-", ours, lambda: living, lambda level, text: None, killed)
if sys.argv[1] == "predecessor":
    list(orphans.on_time(0))
elif sys.argv[1] == "at its end":
    orphans.observe(Spawned("stt/a", 1), 0)
    orphans.close()
elif sys.argv[1] == "exited":
    living.add("1-2-dead")
    list(orphans.hear(0))
    list(orphans.events((), 0))
    assert not [mark for mark, process in started.items() if process.poll() is not None]
    living.remove("1-2-dead")
    orphans.observe(Exited("stt/a", 1, 0), 0)
    list(orphans.events((), 0))
else:
    list(orphans.hear(0))
    list(orphans.events((), 0))
started["1-2-dead"].wait(60)
if sys.argv[1] in ("predecessor", "at its end"):
    started["1-2-living"].wait(60)
print(*(mark for mark, process in started.items() if process.poll() is None))
for process in started.values():
    process.kill()
"""


@pytest.mark.parametrize(("whose", "left"), [
    ("adopted", "1-2-living 1-20-dead 2-1-dead"), ("exited", "1-2-living 1-20-dead 2-1-dead"),
    ("predecessor", "1-20-dead 2-1-dead"), ("at its end", "1-20-dead 2-1-dead"),
])  # fmt: skip
def test_an_orphan_of_another_runtime_folder_is_left_alone(whose: str, left: str) -> None:
    """Its mark begins otherwise, though it may end alike; a living worker's is not an orphan while that lives, also
    where the system tells of a child's end before it is known whose worker has ended. At the end all are orphans."""
    marks = ("1-2-living", "1-2-dead", "1-20-dead", "2-1-dead")
    done = subprocess.run([sys.executable, "-c", _ADOPTING, whose, *marks], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.returncode) == (left, 0), done.stderr


def test_a_refused_look_at_a_predecessors_workers_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor without a descriptor for its first look ends what a killed one has left at a later turn."""
    log: list[tuple[str, str]] = []
    orphans = Orphans("mark-", Children(zmq.Poller(), Child), tuple[str, ...], lambda *line: log.append(line), True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={TREE: "mark-1"}) as left:
        wait_until(lambda: b"mark-1" in Path(f"/proc/{left.pid}/environ").read_bytes(), "its environment")
        monkeypatch.setattr(os, "listdir", lambda _: [str(left.pid)])
        with monkeypatch.context() as patch:
            patch.setattr(os, "listdir", refuse)
            with pytest.raises(OSError, match="Too many"):
                orphans.on_time(0.0)
        assert left.poll() is None
        orphans.on_time(0.0)
        assert left.wait() == -signal.SIGKILL
        monkeypatch.setattr(os, "listdir", refuse)
        orphans.on_time(0.0)  # looks once
    assert log


def refuse(_: object) -> None:
    raise OSError(24, "Too many open files")
