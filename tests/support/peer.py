"""The two ends of a supervisor in tests: a real one in a private folder, and a raw client that speaks frames."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import zmq
from hushd_protocol import __version__
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.limits import PROTOCOL
from support import warm
from support.emulator import SLOWDOWN
from support.stopwatch import Stopwatch

TESTS = Path(__file__).parent
ECHO = [sys.executable, str(TESTS / "echo_worker.py")]
# Seconds for anything that a test waits for; reached only by a failure, on a busy machine too.
BOUND_S = 60.0 * SLOWDOWN

M = TypeVar("M", bound=m.Message)


def command(program: list[str], *flags: str) -> str:
    """`program` with `flags` as the value of the configuration's key `command`."""
    return "command = [" + ", ".join(f"'{part}'" for part in (*program, *flags)) + "]\n"


# The workers `stt/echo/…`, `tts/echo/…` and `stt/fake/…`, all of echo_worker.py.
CONFIG = "".join(  # without `memory_mb` each would count as 400 MB at its first start
    f'[worker."{name}"]\nmemory_mb = 50\n{command(ECHO)}' for name in ("stt/echo", "tts/echo", "stt/fake")
)


class Peer:
    """A client's connection: sends and receives one message at a time, grants no credit by itself.

    `socket` is the DEALER; `answer_pings` may be set to False. A context manager. A crowd shares one `context`, which
    whoever made it closes: each of its own costs two threads and ten descriptors.
    """

    def __init__(
        self,
        path: Path,
        *,
        hello: bool = True,
        holder: str | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self.context = context or zmq.Context()
        self._own = context is None
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self._connect(path)
        self.answer_pings = True
        self._decoder = Decoder(m.TO_CLIENT)
        self.count = 0
        if hello:
            self.send(m.Hello(protocol=PROTOCOL, version=__version__, holder=holder, pid=os.getpid()))
            try:
                self.expect(m.Welcome)
            except AssertionError:
                self.close()  # or the collector reddens another test
                raise

    def _connect(self, path: Path) -> None:
        self.socket.connect(f"ipc://{path}")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves without a word."""
        self.socket.close(linger=0)
        if self._own:
            self.context.term()

    def send(self, message: m.Message) -> None:
        self.socket.send_multipart(pack(message))

    def receive(self, timeout: float = BOUND_S) -> m.Message:
        """The next message that is not a ping."""
        end = time.monotonic() + timeout
        while self.socket.poll(max(0.0, end - time.monotonic()) * 1000):
            message = unpack(self.socket.recv_multipart(), self._decoder)
            if not isinstance(message, m.Ping):
                return message
            if self.answer_pings:
                self.send(m.Pong())
        raise AssertionError(f"nothing came within {timeout} s")

    def expect(self, kind: type[M], timeout: float = BOUND_S) -> M:
        """The next message that is neither a ping nor an `accepted` nobody asked about; it must be a `kind`."""
        while True:
            message = self.receive(timeout)
            if isinstance(message, kind):
                return message
            assert isinstance(message, m.Accepted), message

    def new_id(self) -> bytes:
        self.count += 1
        return self.count.to_bytes(16, "big")

    def request(self, op: str, worker: str = "stt/echo/a", **fields: Any) -> bytes:
        request_id = self.new_id()
        self.send(m.Request(id=request_id, worker=worker, op=op, **fields))
        return request_id

    def ask(self, op: str, worker: str = "stt/echo/a", **fields: Any) -> dict[str, Any]:
        """The data of the request's result."""
        return self.result(self.request(op, worker, **fields))

    def result(self, request_id: bytes) -> dict[str, Any]:
        """The data of the next result, which must be of this request."""
        result = self.expect(m.Result)
        assert result.id == request_id
        return result.data

    def fail(self, op: str, worker: str = "stt/echo/a", **fields: Any) -> m.Error:
        request_id = self.request(op, worker, **fields)
        error = self.expect(m.Error)
        assert error.id == request_id
        return error

    def control(self, action: str, *names: str) -> dict[str, Any]:
        request_id = self.new_id()
        self.send(m.Control(id=request_id, action=action, names=list(names)))
        result = self.expect(m.Result)
        assert result.id == request_id
        return result.data

    def refusal(self, action: str) -> str:
        self.send(m.Control(id=self.new_id(), action=action, names=[]))
        return self.expect(m.Error).message

    def status(self, worker: str = "stt/echo/a") -> dict[str, Any]:
        """The status row of one worker; an idle one while the supervisor has read no request for it."""
        unknown = {"name": worker, "state": "stopped", "pid": None, "running": 0, "queued": 0}
        (row,) = [row for row in self.control("status")["workers"] if row["name"] == worker] or [unknown]
        return row


class Supervisor:
    """A real `python -m hushd_supervisor` in the runtime folder of the environment.

    `process` is its Popen, `errors` the file that its standard error goes to. `stop` is called by the fixture; a
    context manager ends it, too.
    `inside` are the words of a command that runs it; `cold`, whether it starts as users' do, for those who measure it.
    """

    def __init__(
        self,
        folder: Path,
        config: str = CONFIG,
        *arguments: str,
        environment: dict[str, str] | None = None,
        inside: Sequence[str] = (),
        cold: bool = False,
    ):
        self.folder = folder
        self.socket = folder / "client.sock"
        self.errors = folder / "errors"
        _configure(Path(os.environ["HUSHD_CONFIG"]), config)
        ready, told = os.pipe()
        with open(self.errors, "ab") as errors:
            start = subprocess.Popen if cold else warm.Popen
            self.process: subprocess.Popen[bytes] = start(
                [*inside, sys.executable, "-P", "-m", "hushd_supervisor", *arguments, "--ready-fd", str(told)],
                pass_fds=(told,),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=os.environ | (environment or {}),
            )
        os.close(told)
        try:
            self.ready = os.read(ready, 1) != b""
        finally:
            os.close(ready)
        if not self.ready:
            self.process.wait(BOUND_S)

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self, **options: Any) -> Peer:
        return Peer(self.socket, **options)

    def log(self) -> str:
        return self.errors.read_text()

    def __enter__(self) -> Supervisor:
        assert self.ready, self.log()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        check_nothing_is_left(self.folder)

    def stop(self) -> None:
        """Ends it: SIGTERM, once more, and at last SIGKILL."""
        try:
            for number in (signal.SIGTERM, signal.SIGTERM):
                if self.process.poll() is not None:
                    break
                self.process.send_signal(number)
                try:
                    self.process.wait(BOUND_S / 2)
                except subprocess.TimeoutExpired:
                    pass
        finally:
            self.process.kill()
            self.process.wait()


Start = Callable[..., Supervisor]  # of the fixture `start_supervisor`


def _configure(path: Path, config: str) -> None:
    """Writes a configuration; of several supervisors that start at once none finds the file empty."""
    if not path.exists() or path.read_text() != config:
        path.write_text(config)


def check_nothing_is_left(folder: Path) -> None:
    """Fails, after having killed them, when processes outlive the supervisors of `folder` by a second of calm."""
    began = Stopwatch()
    while left := descendants(folder):
        if began.calm > 1.0 or time.monotonic() - began > BOUND_S:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"processes were left: {left}")
        time.sleep(0.01)


def descendants(folder: Path) -> dict[int, str]:
    """The processes that were started for the runtime folder, workers and whoever they started, with their commands."""
    ours = processes(b"HUSHD_WORKER_SOCKET=ipc://" + os.fsencode(folder) + b"/")
    return {pid: " ".join(words) for pid, words in ours.items()}


def processes(variable: bytes) -> dict[int, list[str]]:
    """The command lines of the processes in whose environment this stands, such as `NAME=value` and a NUL."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it ended, or is somebody else's
            if variable in Path(f"/proc/{name}/environ").read_bytes():
                found[int(name)] = os.fsdecode(Path(f"/proc/{name}/cmdline").read_bytes()).split("\0")
    return found


def is_gone(pid: int) -> bool:
    """Returns whether a process has ended, reaped or not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Any, what: str = "the condition", limit_s: float = BOUND_S) -> Any:
    """The first true value of `condition()`, for what tells nobody when it happens.

    It is looked at every 5 ms, after 0.1 s less often: each twentieth of the time waited, up to 50 ms.
    """
    began = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - began
        assert waited < limit_s, f"{what} did not come about within {limit_s} s"
        time.sleep(min(max(0.005, waited / 20), 0.05))
    return value
