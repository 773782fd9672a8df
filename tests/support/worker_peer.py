"""A worker program under test, and the supervisor's end of its socket; fixtures that start and end it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import FROM_WORKER, Message, Ready, Welcome, WorkerHello
from hushd_protocol.system import passed_file
from support import warm
from support.peer import BOUND_S
from support.stopwatch import Stopwatch

M = TypeVar("M", bound=Message)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="hp", dir="/tmp"))
    yield path
    shutil.rmtree(path)


class NoticedCondition(threading.Condition):
    """Tells when a thread is about to wait; who then takes the lock finds it waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.set()
        return super().wait(timeout)


class Peer:
    """A worker process and the supervisor's side of its socket, without a supervisor."""

    token = "one-time"

    def __init__(
        self, folder: Path, command: Sequence[str], *, receive_high_water: int = 1000, passes_files: bool = False
    ) -> None:
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.setsockopt(zmq.LINGER, 0)
        self.router.setsockopt(zmq.RCVHWM, receive_high_water)
        self.router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        endpoint = f"ipc://{folder}/w.sock"
        self.router.bind(endpoint)
        self.decoder = Decoder(FROM_WORKER)
        self.route = b""
        self.out, self.log = folder / "out", folder / "log"
        lifeline, self.lifeline = os.pipe()
        environment = {
            **os.environ,
            "HUSHD_WORKER_SOCKET": endpoint,
            "HUSHD_WORKER_TOKEN": self.token,
            "HUSHD_LIFELINE": str(lifeline),
            "HUSHD_SUPERVISOR": str(os.getpid()),
        }
        inherited = [lifeline]
        if passes_files:
            self.files, theirs = passed_file.pair()
            environment["HUSHD_FILES"] = str(theirs.fileno())
            inherited.append(theirs.fileno())
        with open(self.out, "wb") as out, open(self.log, "wb") as log:
            self.process = warm.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=environment,
                pass_fds=inherited,
                process_group=0,
            )
        os.close(lifeline)
        if passes_files:
            theirs.close()

    def pass_file(self, path: Path) -> None:
        """Passes a file to the worker, as the supervisor does ahead of the job that names it."""
        descriptor = os.open(path, os.O_RDONLY)
        passed_file.send(self.files, descriptor)
        os.close(descriptor)

    def frames(self, timeout: float = BOUND_S) -> list[bytes]:
        assert self.router.poll(int(timeout * 1000)), f"no frame in {timeout} s; the log: {self.log.read_text()}"
        self.route, *frames = self.router.recv_multipart()
        return frames

    def receive(self, kind: type[M], timeout: float = BOUND_S) -> M:
        """The next message, which must be of this kind."""
        message = unpack(self.frames(timeout), self.decoder)
        assert type(message) is kind, f"{message}; the log: {self.log.read_text()}"
        return message

    def until(self, kind: type[M]) -> tuple[M, list[Message]]:
        """The first message of this kind, and those before it."""
        before: list[Message] = []
        while True:
            message = unpack(self.frames(), self.decoder)
            if type(message) is kind:
                return message, before
            before.append(message)

    def silent(self, seconds: float) -> bool:
        """Returns whether nothing arrives for so long."""
        return not self.router.poll(int(seconds * 1000))

    def send(self, message: Message) -> None:
        self.router.send_multipart([self.route, *pack(message)])

    def ready(self) -> Ready:
        """Answers the hello and waits for the worker to have loaded."""
        hello = self.receive(WorkerHello)
        assert (hello.token, hello.pid) == (self.token, self.process.pid)
        self.send(Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid()))
        return self.until(Ready)[0]

    def wait(self, timeout: float = BOUND_S) -> int:
        return self.process.wait(timeout)

    def close(self) -> None:
        """Ends the worker's group, whatever is left of it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(60)
        if hasattr(self, "files"):
            self.files.close()
        os.close(self.lifeline)
        self.context.destroy(linger=0)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Peer]]:
    """Starts a worker program: `start(command, receive_high_water=…)` gives its `Peer`."""
    peers: list[Peer] = []

    def run(command: Sequence[str], **options: int) -> Peer:
        place = folder / str(len(peers))
        place.mkdir()
        peers.append(Peer(place, command, **options))
        return peers[-1]

    yield run
    for peer in peers:
        peer.close()


def die_within(pidfds: Sequence[int], seconds: float) -> bool:
    """Returns whether the processes behind these pidfds have all ended in so many calm seconds; closes those."""
    began = Stopwatch()
    try:
        return all(select.select([fd], [], [], BOUND_S)[0] for fd in pidfds) and began.calm < seconds
    finally:
        for fd in pidfds:
            os.close(fd)


@pytest.fixture
def all_die_within() -> Callable[[Sequence[int], float], bool]:
    return die_within
