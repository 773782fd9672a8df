"""Tests of the one start of all children: what each of them gets, and that none outlives the supervisor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from hushd_protocol import __version__
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import Welcome
from hushd_protocol.system.paths import find, prepare_state
from hushd_schema.settings import HttpSettings, Settings
from hushd_supervisor.core.actions import Describe, ProbeCards, Spawn
from hushd_supervisor.system.children import MAX_LAST_WORDS, Children
from hushd_supervisor.system.describe import Descriptions
from hushd_supervisor.system.door import Door
from hushd_supervisor.system.memory.cards import CardProbes
from hushd_supervisor.system.sockets.lock import ListeningSocket
from hushd_supervisor.system.sockets.worker_socket import WorkerSocket
from support.fake_process import FakeLauncher
from support.peer import BOUND_S, is_gone, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="lifelines kill, and /proc is, on Linux only")
PARENT = """
import sys
from pathlib import Path

import zmq
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.process import Limits
children = Children(zmq.Poller(), Limits().launch)
child = children.start([sys.executable, "-c", "import signal; signal.pause()"], Path(sys.argv[1]))
print(child.process.pid, flush=True)
input()
"""


def a_worker(children: Children, launch: FakeLauncher) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    welcome = Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid())
    listener = ListeningSocket(find().worker_socket)
    workers = WorkerSocket(context, listener, children, find(), Settings(), welcome, lambda level, text: None)
    assert workers.spawn(Spawn("stt/fake/one", 1)) is None
    workers.close(0)
    context.term()


def a_description(children: Children, launch: FakeLauncher) -> None:
    descriptions = Descriptions(children, find().logs)
    assert not list(descriptions.actions()[Describe](Describe("stt")))
    descriptions._questions["stt"].answer.close()


def a_look(children: Children, launch: FakeLauncher) -> None:
    looks = CardProbes(children, find().logs)
    assert not list(looks.actions()[ProbeCards](ProbeCards()))
    looks._questions["cards"].answer.close()


def the_gateway(children: Children, launch: FakeLauncher) -> None:
    door = Door(children, find(), lambda level, text: None)
    door.configure(Settings(http=HttpSettings(listen=("127.0.0.1:0",))))
    (listener,) = door.listeners
    with socket.create_connection(listener.socket.getsockname()):
        assert [*door.events({listener.socket.fileno()}, 0.0)]
    launch.started[0].exit(0)
    door.close()


@linux
@pytest.mark.parametrize("start", [a_worker, a_description, a_look, the_gateway])
def test_every_child_gets_the_same(
    start: Callable[[Children, FakeLauncher], None], runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in the state folder, a lifeline, and their part of our environment, with telemetry switched off."""
    monkeypatch.setenv("NOTIFY_SOCKET", "/a/manager")
    monkeypatch.setenv("HF_HOME", "/a/cache")
    prepare_state(find())
    outputs: list[str] = []

    class Launch(FakeLauncher):
        def __call__(self, *arguments: object, **descriptors: object) -> object:  # type: ignore[override]
            outputs.append(os.readlink(f"/proc/self/fd/{descriptors['stderr']}"))
            assert os.fstat(int(str(descriptors["lifeline"])))
            return super().__call__(*arguments, **descriptors)  # type: ignore[arg-type]

    launch = Launch()
    start(Children(zmq.Poller(), launch), launch)
    (process,) = launch.started
    variables = process.environment
    assert variables["HUSHD_LIFELINE"] == str(process.descriptors["lifeline"])
    assert variables["HUSHD_SUPERVISOR"] == str(os.getpid())
    assert (variables["HF_HOME"], variables["DO_NOT_TRACK"]) == ("/a/cache", "1")
    assert "NOTIFY_SOCKET" not in variables
    assert outputs[0].startswith("pipe:") or Path(outputs[0]).parent == find().logs
    launch.close()


@linux
def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """Whatever it does, and without a line of its own for that."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=BOUND_S)
    wait_until(lambda: is_gone(child), "the child's end")


def test_the_last_words_are_those_of_this_child(tmp_path: Path) -> None:
    """A log that others have written before is read from where this one begins; a long line is cut."""
    log = tmp_path / "log"
    log.write_text("another's\n")
    launch = FakeLauncher()
    children = Children(zmq.Poller(), launch)
    silent = children.start(["silent"], log)
    assert silent.last_words() == ""
    launch.last_words = "one\n" + 1000 * "x" + "\n"
    loud = children.start(["loud"], log)
    assert loud.last_words() == MAX_LAST_WORDS * "x"
    assert loud.output().startswith("one")
    silent.close()
    loud.close()
    launch.close()


def test_the_end_of_a_child_wakes_the_loop_until_it_is_closed(tmp_path: Path) -> None:
    """One whose descriptor is not readable is not asked; one that has ended keeps the loop awake, and is its parent's
    to reap until then."""
    launch, poller = FakeLauncher(), zmq.Poller()
    children = Children(poller, launch)
    child = children.start(["one"], tmp_path / "log")
    (process,) = launch.started
    process.exit(7)
    assert child.poll({}) is None
    assert children.unreaped == {process.pid}
    ready = dict(poller.poll(0))
    assert (child.poll(ready), child.poll()) == (7, 7)
    assert (dict(poller.poll(0)), children.unreaped) == (ready, set())
    child.close()
    assert poller.poll(0) == []
    launch.close()


def test_a_child_without_a_descriptor_is_asked_in_every_turn(tmp_path: Path) -> None:
    """SIGCHLD tells of its end, and not whose it is."""
    launch, poller = FakeLauncher(), zmq.Poller()
    launch.pidfds = False
    child = Children(poller, launch).start(["one"], tmp_path / "log")
    assert (child.poll({}), poller.sockets) == (None, [])
    launch.started[0].exit(0)
    assert child.poll({}) == 0
    child.close()
    launch.close()


def test_a_child_is_killed_once_at_its_time(tmp_path: Path) -> None:
    """Not a moment before; that it was late stays known until it is dead."""
    launch = FakeLauncher()
    child = Children(zmq.Poller(), launch).start(["one"], tmp_path / "log", until=10.0)
    told = [child.on_time(now) for now in (9.9, 10.0, 10.1, 1e9)]
    assert (told, child.late, launch.started[0].kills) == ([False, True, False, False], True, 1)
    child.close()
    launch.close()
