"""Tests of the workers' socket and processes: tokens, sends, and exits that wait for the last message."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, unpack
from hushd_protocol.errors import reason
from hushd_protocol.limits import MAGIC, MAX_PAYLOAD, PROTOCOL
from hushd_protocol.messages import TO_CLIENT, Beat, Bye, Drain, Error, Job, LoadFailed, Partial, Ready, Result, Welcome
from hushd_protocol.system import passed_file
from hushd_protocol.system.paths import find, prepare_state
from hushd_schema.settings import Settings
from hushd_supervisor.core.actions import Kill, Spawn, ToWorker
from hushd_supervisor.core.events import Exited, FromWorker, SendFailed, SpawnFailed
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.sockets.lock import ListeningSocket
from hushd_supervisor.system.sockets.worker_socket import BYE_S, LAST_MESSAGES_TIMEOUT_S, WorkerSocket
from support.descriptors import open_descriptors, open_files, settled_descriptors
from support.fake_process import FakeLauncher, FakeProcess
from support.peer import BOUND_S, wait_until

NAME = "stt/fake/one"
ID = bytes(range(16))
SETTINGS = Settings(worker={"": {"environment": {"FAKE": "1"}}, "stt/own": {"command": ("/bin/own", "-x")}})


Start = Callable[..., FakeProcess]


class Desk:
    """`WorkerSocket` with fake processes and a clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.oom_kills: int | None = 7
        self.log: list[tuple[str, str]] = []
        self.launch = FakeLauncher()
        self.poller = zmq.Poller()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        prepare_state(find())
        self.workers = WorkerSocket(
            self.context, ListeningSocket(find().worker_socket), Children(self.poller, self.launch), find(), SETTINGS,
            Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid()),
            lambda level, text: self.log.append((level, text)), lambda: self.now, lambda: self.oom_kills,
        )  # fmt: skip

    def close(self) -> None:
        self.workers.close(0)
        self.launch.close()
        self.context.term()

    def receive(self, count: int) -> list[FromWorker | SendFailed]:
        found: list[FromWorker | SendFailed] = []
        wait_until(lambda: found.extend(self.workers.receive(64)) or len(found) >= count, f"{count} messages")
        assert len(found) == count
        return found

    def quiet(self) -> None:
        """Takes what comes, where nothing must become of it."""
        assert self.workers.socket.poll(BOUND_S * 1000)
        assert list(self.workers.receive(64)) == []

    def exits(self) -> list[Exited]:
        return list(self.workers.exits(dict(self.poller.poll(0)), self.now))


@pytest.fixture
def desk(runtime: Path) -> Iterator[Desk]:
    opened = Desk()
    yield opened
    opened.close()


@pytest.fixture
def start(desk: Desk) -> Start:
    """Starts a fake process that has said hello."""

    def one(gen: int = 1, name: str = NAME) -> FakeProcess:
        assert desk.workers.spawn(Spawn(name, gen)) is None
        process = desk.launch.started[-1]
        process.hello()
        (event,) = desk.receive(1)
        assert (event.worker, event.gen) == (name, gen)
        assert isinstance(process.hears(), Welcome)
        return process

    return one


def test_a_process_is_started_with_all_it_needs(desk: Desk) -> None:
    """Command, environment, log and lifeline; the supervisor keeps only the lifeline's other end."""
    before = open_files()
    assert desk.workers.spawn(Spawn(NAME, 1)) is None
    assert desk.workers.spawn(Spawn("stt/own/m", 2)) is None
    first, second = desk.launch.started
    assert first.command[3:] == ["hushd_worker_stt", "--engine", "fake", "--model", "one"]
    assert second.command == ["/bin/own", "-x", "--engine", "own", "--model", "m"]
    assert first.environment["HUSHD_WORKER_SOCKET"] == f"ipc://{find().worker_socket}"
    assert first.environment["HUSHD_SUPERVISOR"] == str(os.getpid())
    assert first.environment["FAKE"] == "1"
    assert first.environment["HUSHD_WORKER_TOKEN"] != second.environment["HUSHD_WORKER_TOKEN"]
    assert first.descriptors["lifeline"] == int(first.environment["HUSHD_LIFELINE"])
    assert find().worker_log(NAME).exists()
    assert desk.workers.pids() == {(NAME, 1): first.pid, ("stt/own/m", 2): second.pid}
    # Each has a lifeline's write end, its output's read end, an end of the way of files, and the two ends of the fake's
    # exit pipe.
    assert (open_files() - before).total() == 10


@pytest.mark.parametrize("own", ["", "glibc.rtld.nns=9"])
def test_a_worker_has_huge_pages_unless_the_user_says_otherwise(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    """The user's own tunables of glibc come first."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if own:
        monkeypatch.setenv("GLIBC_TUNABLES", own)
    desk.workers.spawn(Spawn(NAME, 1))
    assert desk.launch.started[-1].environment["GLIBC_TUNABLES"] == (own or "glibc.malloc.hugetlb=1")


def named(path: Path, size: int) -> ToWorker:
    """The job of a client that saw this file."""
    info = path.stat()
    job = Job(id=ID, op="a", input="path", path=str(path), device=info.st_dev, inode=info.st_ino, size=size)
    return ToWorker(NAME, 1, job)


def test_a_named_file_is_open_before_its_job_comes(desk: Desk, start: Start, tmp_path: Path) -> None:
    """The worker gets the open file itself; nothing of it stays open here."""
    file = tmp_path / "a.wav"
    file.write_bytes(b"sound")
    desk.launch.keeps_files = True
    process = start()
    (number,) = process.descriptors["inherited"]
    assert number == int(process.environment["HUSHD_FILES"])
    before = settled_descriptors()
    assert list(desk.workers.actions()[ToWorker](named(file, 5)) or ()) == []
    assert open_descriptors() <= before
    assert isinstance(process.hears(), Job)
    with socket.socket(fileno=desk.launch.files) as theirs:
        received = passed_file.receive(theirs)
    assert received is not None
    assert os.read(received, 9) == b"sound"
    os.close(received)


def test_a_file_that_is_another_one_ends_its_job(desk: Desk, start: Start, tmp_path: Path) -> None:
    """The pool learns it as the worker's answer, and the worker hears of no job."""
    file = tmp_path / "a.wav"
    file.write_bytes(b"another")
    process = start()
    (event,) = list(desk.workers.actions()[ToWorker](named(file, 5)) or ())
    assert isinstance(event, FromWorker)
    assert isinstance(event.message, Error)
    assert (event.worker, event.gen, event.message.id, event.message.code) == (NAME, 1, ID, "path_unreachable")
    assert not process.socket.poll(50)


@pytest.mark.parametrize("error", [OSError(8, "Exec format error"), ValueError("embedded null byte")])
def test_a_process_that_cannot_be_started_is_an_event(desk: Desk, error: Exception) -> None:
    """The event has the reason, and no descriptor is left."""
    before = settled_descriptors()
    desk.launch.error = error
    assert desk.workers.spawn(Spawn(NAME, 1)) == SpawnFailed(NAME, 1, reason(error))
    assert desk.workers.pids() == {}
    assert open_descriptors() <= before


def test_a_hello_with_its_token_is_welcomed_and_heard(desk: Desk, start: Start) -> None:
    """Messages go both ways from then on, under name and generation."""
    process = start(gen=4)
    process.says(Ready(slots=2))
    assert desk.receive(1) == [FromWorker(NAME, 4, Ready(slots=2))]
    assert desk.workers.send(NAME, 4, Drain()) is None
    assert process.hears() == Drain()


def test_a_worker_that_lies_of_its_memory_is_measured(desk: Desk, start: Start) -> None:
    """Neither the pool nor the log has another size than the process's, whoever it says that it is."""
    process, lie = start(), 1 << 40
    process.pid = os.getpid()
    for message in (Ready(pss=lie, private=lie, peak=lie), Beat(cpu_s=1.0, pss=lie, private=lie, peak=lie)):
        process.says(message)
        (event,) = desk.receive(1)
        assert isinstance(event, FromWorker)
        assert isinstance(event.message, Ready | Beat)
        assert 0 < max(event.message.pss, event.message.private, event.message.peak) < 1 << 36
    assert not [text for _, text in desk.log if f"{lie / 1e6:.0f} MB" in text]


def test_what_a_worker_writes_is_in_its_log_at_once(desk: Desk, start: Start) -> None:
    """Its output comes by a pipe, which is read in the loop's next turn."""
    desk.launch.last_words = "a warning\n"
    start()
    log = find().worker_log(NAME)
    assert log.read_text() == ""
    list(desk.workers.events(dict(desk.poller.poll(0)), desk.now))
    assert log.read_text() == "a warning\n"


def test_strangers_are_dropped_and_logged_once(desk: Desk, start: Start) -> None:
    """No token, a wrong one, one that was used: nothing reaches the pool, and the true worker is not disturbed."""
    process = start()
    assert desk.workers.spawn(Spawn("stt/fake/two", 2)) is None
    stranger = desk.launch.started[-1]
    stranger.says(Ready())
    desk.quiet()
    stranger.hello(token="guessed")
    desk.quiet()
    stranger.hello(token=process.environment["HUSHD_WORKER_TOKEN"])
    desk.quiet()
    stranger.socket.send(b"garbage")
    desk.quiet()
    for code in (*["unauthorised"] * 3, "protocol_error"):
        assert stranger.socket.poll(BOUND_S * 1000), "no answer"
        answer = unpack(stranger.socket.recv_multipart(), Decoder(TO_CLIENT))
        assert isinstance(answer, Error)
        assert answer.code == code
    assert [level for level, _ in desk.log] == ["warning"]
    stranger.hello()
    assert desk.receive(1)[0].worker == "stt/fake/two"
    process.says(Ready())
    assert desk.receive(1) == [FromWorker(NAME, 1, Ready())]


def test_a_worker_of_another_protocol_cannot_be_loaded(desk: Desk) -> None:
    """Its waiting requests get `version_mismatch` at once and not a time-out; it stays a stranger."""
    assert desk.workers.spawn(Spawn(NAME, 1)) is None
    process = desk.launch.started[-1]
    process.hello(protocol=PROTOCOL + 1, version="9")
    (event,) = desk.receive(1)
    assert isinstance(event, FromWorker)
    assert isinstance(event.message, LoadFailed)
    assert event.message.code == "version_mismatch"
    assert "run `hushd restart`" in event.message.message  # installed anew while the supervisor ran
    assert desk.workers.send(NAME, 1, Drain()) == SendFailed(NAME, 1)


def test_garbage_of_a_worker_is_a_failure_of_that_worker(desk: Desk, start: Start) -> None:
    """It is reported as unreachable, and its next message is still handled."""
    process = start()
    process.socket.send_multipart([MAGIC, b"\xc1", b""])
    process.says(Ready())
    assert desk.receive(2) == [SendFailed(NAME, 1), FromWorker(NAME, 1, Ready())]
    assert desk.log[0][0] == "error"


def test_sends_that_cannot_succeed_are_events(desk: Desk, start: Start) -> None:
    """A send goes to a generation that is not there, before the hello, beyond a frame, or to a worker that does not
    read."""
    assert desk.workers.send(NAME, 9, Drain()) == SendFailed(NAME, 9)
    assert desk.workers.spawn(Spawn(NAME, 1)) is None
    assert desk.workers.send(NAME, 1, Drain()) == SendFailed(NAME, 1)
    start(gen=2, name="stt/fake/two")
    too_big = Result(id=ID, payload=bytes(MAX_PAYLOAD + 1))
    assert desk.workers.send("stt/fake/two", 2, too_big) == SendFailed("stt/fake/two", 2)
    big = Result(id=ID, payload=bytes(MAX_PAYLOAD))
    for _ in range(5000):
        if failed := desk.workers.send("stt/fake/two", 2, big):
            break
    assert failed == SendFailed("stt/fake/two", 2)


def test_race_23_an_exit_waits_for_the_messages_before_it(desk: Desk, start: Start) -> None:
    """Reaped at once, reported 50 ms after the last message; each message in between restarts that time."""
    process = start()
    process.exit(-11)
    assert desk.exits() == []
    assert process.closed
    assert desk.workers.deadline() == desk.now + LAST_MESSAGES_TIMEOUT_S
    desk.now += LAST_MESSAGES_TIMEOUT_S * 0.9
    process.says(Result(id=ID))
    assert desk.receive(1) == [FromWorker(NAME, 1, Result(id=ID))]
    desk.now += LAST_MESSAGES_TIMEOUT_S * 0.9
    assert desk.exits() == []
    desk.now += LAST_MESSAGES_TIMEOUT_S * 0.2
    assert desk.exits() == [Exited(NAME, 1, -11, "")]
    assert desk.workers.deadline() is None
    assert desk.workers.pids() == {}
    assert desk.workers.send(NAME, 1, Drain()) == SendFailed(NAME, 1)


def test_an_exit_waits_for_what_is_unread(desk: Desk, start: Start) -> None:
    """It may be of the process that is gone: the exit counts once the socket has been read, though its time is over."""
    dead, other = start(1), start(2, "stt/fake/two")
    other.says(Partial(id=ID, seq=0, data={}))
    wait_until(lambda: desk.workers.socket.poll(0) != 0, "a message")
    dead.exit(-11)
    assert desk.exits() == []
    desk.now += LAST_MESSAGES_TIMEOUT_S
    assert desk.exits() == []
    assert len(desk.receive(1)) == 1
    assert desk.exits() == [Exited(NAME, 1, -11, "")]


def test_a_worker_that_floods_has_its_turns_beside_an_exit(desk: Desk, start: Start) -> None:
    """However much it sends, clients wait for 64 messages of it, and the exit of another for its own last message."""
    dead, loud = start(1), start(2, "stt/fake/two")
    for number in range(300):
        loud.says(Partial(id=ID, seq=number, data={}))
    dead.says(Result(id=ID))
    dead.exit(-11)
    seen: list[object] = []

    def turn() -> None:
        wait_until(lambda: desk.workers.socket.poll(0) != 0, "a message")
        received = list(desk.workers.receive(2))
        assert len(received) <= 2
        seen.extend(received)

    while FromWorker(NAME, 1, Result(id=ID)) not in seen:
        assert desk.exits() == []
        turn()
    desk.now += LAST_MESSAGES_TIMEOUT_S
    while not (gone := desk.exits()):
        turn()
    assert len(seen) < 300
    assert gone == [Exited(NAME, 1, -11, "")]
    assert len(list(desk.workers.receive(64))) <= 64


def test_the_last_words_are_those_of_this_process(desk: Desk) -> None:
    """An exit brings the end of the log, without what earlier processes wrote into it."""
    for gen, words in ((1, "first words\n"), (2, "second words\n")):
        desk.launch.last_words = words
        assert desk.workers.spawn(Spawn(NAME, gen)) is None
        desk.launch.started[-1].exit(1)
        desk.exits()
        desk.now += LAST_MESSAGES_TIMEOUT_S
        assert desk.exits() == [Exited(NAME, gen, 1, words)]
    assert find().worker_log(NAME).read_text() == "first words\nsecond words\n"


def test_a_kill_hits_the_process_of_that_generation(desk: Desk, start: Start) -> None:
    """It hits nobody where there is none."""
    process = start(gen=3)
    desk.workers.kill(Kill(NAME, 2))
    assert process.kills == 0
    desk.workers.kill(Kill(NAME, 3))
    assert process.kills == 1


def test_a_hundred_processes_leave_no_descriptor(desk: Desk, start: Start) -> None:
    """Lifelines, logs and pidfds are given back."""
    for gen in range(1, 101):
        process = start(gen)
        process.says(Bye())
        desk.receive(1)
        process.exit(0)
        assert len(desk.exits()) == 1
        process.hang_up()
        if gen == 1:
            wait_until(lambda: desk.workers.socket.poll(0) == 0, "quiet")
            before = len(os.listdir("/proc/self/fd"))
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before + 3, "the last descriptors' end")


@pytest.mark.skipif(sys.platform != "linux", reason="a process's state is in /proc")
@pytest.mark.parametrize("stopped", [True, False])
def test_a_process_that_stood_still_by_a_signal_is_reported(desk: Desk, start: Start, stopped: bool) -> None:
    """Its exit says so if others had stopped it when it was killed for not answering, and not if it hung."""
    process = start()
    with subprocess.Popen(["sleep", "60"]) as child:
        if stopped:
            child.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        process.pid = child.pid
        desk.workers.kill(Kill(NAME, 1))
        child.kill()
    process.exit(-9)
    assert desk.exits() == []
    desk.now += LAST_MESSAGES_TIMEOUT_S
    assert [exited.stopped for exited in desk.exits()] == [stopped]


@pytest.mark.parametrize(
    ("status", "before", "after", "told"),
    [
        (-9, 7, 8, True), (-9, 7, 7, False), (-11, 7, 8, False), (0, 7, 8, False), (-9, None, 8, None),
        (-9, 7, None, None),
    ],
)  # fmt: skip
def test_a_kill_for_want_of_memory_is_reported(
    desk: Desk, start: Start, status: int, before: int | None, after: int | None, told: bool | None
) -> None:
    """SIGKILL, and a count of such kills that rose while the process lived, are one; anything less is not."""
    desk.oom_kills = before
    process = start()
    desk.oom_kills = after
    process.exit(status)
    assert desk.exits() == []
    desk.now += LAST_MESSAGES_TIMEOUT_S if status else BYE_S
    (exited,) = desk.exits()
    assert (exited.status, exited.out_of_memory) == (status, told)


def test_a_kill_of_others_before_a_job_began_is_not_this_ones(desk: Desk, start: Start) -> None:
    """The kernel counts all processes: what it killed while this one lived on to take a job says nothing of its end."""
    desk.oom_kills = 7
    process = start()
    desk.oom_kills = 8
    desk.workers.actions()[ToWorker](ToWorker(NAME, 1, Job(id=ID, op="echo")))
    process.exit(-9)
    assert desk.exits() == []
    desk.now += LAST_MESSAGES_TIMEOUT_S
    assert [exited.out_of_memory for exited in desk.exits()] == [False]


def test_a_workers_temporary_folder_goes_with_it(
    desk: Desk, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its end, not when the next one comes: an empty one at once, and soon one in which it has left something."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for gen in (1, 2):
        process = start(gen)
        folder = Path(process.environment["HUSHD_TEMPORARY"])
        assert folder.parent == tmp_path
        folder.mkdir()
        if gen == 2:
            (folder / "file").touch()
        process.exit(-signal.SIGKILL)
        desk.exits()
        assert gen == 2 or not folder.exists()
    wait_until(lambda: not folder.exists(), "its end")
