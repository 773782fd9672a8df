"""The clients' socket of a real supervisor, whose clients say anything; a good client is answered all along."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import psutil
import zmq
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PROTOCOL
from support.peer import BOUND_S, CONFIG, Supervisor

from . import wire
from .mutate import Feed

DEFAULTS = 'stt = "echo/a"\ntts = "echo/a"\n[worker]\nkeep_alive = 5\nstart_timeout = 20\ndrain_timeout = 2\n'
LOOK = 100  # inputs between two looks at whether it still answers
ANSWER_S = BOUND_S
CROWD = 6  # connections at a time
LARGEST = 200_000_000  # bytes resident


class House:
    """A supervisor in a folder of its own. A context manager.

    Args:
        tables: more lines of the configuration, after its tables.
    """

    def __init__(self, folder: Path, tables: str = "") -> None:
        run, config = folder / "run", folder / "config.toml"
        run.mkdir(mode=0o700)
        names = {"RUNTIME_DIR": run, "STATE_DIR": folder / "state", "CONFIG": config}
        os.environ |= {f"HUSHD_{name}": str(path) for name, path in names.items()}
        self.context = zmq.Context()
        self._supervisor = Supervisor(run, f"{DEFAULTS}{CONFIG}{tables}")
        assert self._supervisor.ready, self._supervisor.log()
        self.pid = self._supervisor.pid

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.destroy(linger=0)
        self._supervisor.stop()
        log = self._supervisor.errors.read_text(errors="replace")
        assert self._supervisor.process.returncode != -signal.SIGKILL, "it did not end when it was told to"
        assert "Traceback" not in log, log[-2000:]

    def connect(self) -> zmq.Socket[bytes]:
        socket = self.context.socket(zmq.DEALER)
        socket.set(zmq.LINGER, 0)
        socket.connect(f"ipc://{self._supervisor.socket}")
        return socket

    def status(self) -> dict[str, Any]:
        """Returns what it says of itself to a client with manners."""
        with self._supervisor.connect() as peer:
            return peer.control("status")

    def check(self, worker: str = "stt/echo/good") -> None:
        """Asserts that a client with manners is answered, and that the supervisor keeps little."""
        with self._supervisor.connect() as peer:
            peer.control("status")
            peer.ask("echo", worker, params={"a": 1})
        resident = psutil.Process(self.pid).memory_info().rss
        assert resident < LARGEST, f"the supervisor holds {resident} bytes"


class _Crowd:
    """Some connections, any of which may be replaced, read from or left unread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._decoder = Decoder(m.TO_CLIENT)
        self._sockets = [house.connect() for _ in range(CROWD)]

    def send(self, rng: Random, frames: list[bytes]) -> None:
        number = rng.randrange(CROWD)
        if rng.random() < 0.002:
            self._sockets[number].close(linger=0)
            self._sockets[number] = self._house.connect()
            if rng.random() < 0.9:
                frames = pack(m.Hello(protocol=PROTOCOL, version="fuzz", holder=rng.choice((None, "cli"))))
        socket = self._sockets[number]
        while True:
            self.read(socket)
            with suppress(zmq.Again):
                socket.send_multipart(frames, zmq.NOBLOCK)
                return
            socket.poll(100, zmq.POLLOUT)

    def read(self, socket: zmq.Socket[bytes]) -> None:
        """Reads what has come; what the supervisor sends is always a message."""
        with suppress(zmq.Again):
            while True:
                frames = socket.recv_multipart(zmq.NOBLOCK)
                try:
                    message = unpack(frames, self._decoder)
                except HushdError as error:
                    raise AssertionError(f"the supervisor sent what is no message: {error}") from error
                if isinstance(message, m.Ping):
                    with suppress(zmq.Again):
                        socket.send_multipart(pack(m.Pong()), zmq.NOBLOCK)


@contextmanager
def clients(folder: Path) -> Iterator[Feed]:
    """client.sock: six clients that send all kinds of messages about few requests, a third of them tampered with."""
    with House(folder) as house:
        crowd, count = _Crowd(house), 0

        def feed(rng: Random) -> None:
            nonlocal count
            said = wire.message(rng, m.FROM_CLIENT)
            crowd.send(rng, wire.frames(rng, said, harm=0.3))
            count += 1
            if count % LOOK == 0:
                house.check()

        yield feed
        house.check()


@contextmanager
def expected(folder: Path) -> Iterator[Feed]:
    """The pipe of requests that will come: roles and languages among any bytes, and more of them than it holds."""
    with House(folder) as house:
        pipe = os.open(folder / "run/expected", os.O_WRONLY | os.O_NONBLOCK)

        def feed(rng: Random) -> None:
            words = [rng.choice((b"stt", b"tts", b"models", b"fr", b" ", b"\n", rng.randbytes(5))) for _ in range(9)]
            with suppress(BlockingIOError):
                os.write(pipe, b"".join(words) * rng.choice((1, 1, 1, 300)))
            if rng.randrange(LOOK) == 0:
                house.check()

        yield feed
        house.check()
        os.close(pipe)
