"""The clients' socket of a real supervisor, whose clients say anything; a good client is answered all along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import zmq
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import ID_BYTES, PROTOCOL

from . import wire
from .mutate import Feed

TESTS = Path(__file__).parents[1] / "support"
LOOK = 500  # inputs between two looks at whether it still answers
ANSWER_S = 30.0
CROWD = 6  # connections at a time
LARGEST = 200_000_000  # bytes resident


class House:
    """A supervisor in a folder of its own. A context manager.

    Args:
        tables: more lines of the configuration, after its tables.
    """

    def __init__(self, folder: Path, tables: str = "") -> None:
        self._folder = folder
        self.run = folder / "run"
        self._log = folder / "errors"
        self._tables = tables
        self.context = zmq.Context()

    def __enter__(self) -> House:
        def command(*words: object) -> str:
            return "command = [" + ", ".join(f"'{word}'" for word in words) + "]\n"

        tables = [
            'stt = "echo/a"\ntts = "echo/a"\n',
            "[worker]\nkeep_alive = 5\nstart_timeout = 20\ndrain_timeout = 2\n",
            *(
                f'[worker."{role}/echo"]\n{command(sys.executable, TESTS / "echo_worker.py")}'
                for role in ("stt", "tts")
            ),
            f'[worker."stt/fake"]\n{command(sys.executable, TESTS / "fake_worker.py")}',
            self._tables,
        ]
        config = self._folder / "config.toml"
        config.write_text("".join(tables))
        self.run.mkdir(mode=0o700)
        names = {"RUNTIME_DIR": self.run, "STATE_DIR": self._folder / "state", "CONFIG": config}
        environment = os.environ | {f"HUSHD_{name}": str(path) for name, path in names.items()}
        ready, told = os.pipe()
        with open(self._log, "ab") as log:  # what this process has said there stays
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hushd_supervisor", "--ready-fd", str(told)],
                pass_fds=(told,), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )  # fmt: skip
        os.close(told)
        try:
            assert os.read(ready, 1), self._log.read_text()
        finally:
            os.close(ready)
        return self

    def __exit__(self, *_: object) -> None:
        self.context.destroy(linger=0)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
        assert "Traceback" not in self._log.read_text(errors="replace"), self._log.read_text(errors="replace")[-2000:]

    def connect(self) -> zmq.Socket[bytes]:
        socket = self.context.socket(zmq.DEALER)
        socket.set(zmq.LINGER, 0)
        socket.connect(f"ipc://{self.run}/client.sock")
        return socket

    def check(self, worker: str = "stt/echo/good") -> None:
        """A client with manners is answered, and the supervisor keeps little.

        Raises:
            AssertionError: it is not.
        """
        self.ask(
            m.Control(id=b"s" * ID_BYTES, action="status"),
            m.Request(id=b"r" * ID_BYTES, worker=worker, op="echo", params={"a": 1}),
        )
        resident = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert resident < LARGEST, f"the supervisor holds {resident} bytes"

    def ask(self, *questions: m.Control | m.Request) -> dict[str, Any]:
        """Asks one after the other, on a connection of its own; returns the last result."""
        with self.connect() as socket:
            socket.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="fuzz", pid=os.getpid())))
            for asked in questions:
                socket.send_multipart(pack(asked))
                answer = self._answer(socket, asked.id)
                assert isinstance(answer, m.Result), answer
        return dict(answer.data)

    def _answer(self, socket: zmq.Socket[bytes], wanted: bytes) -> m.Message:
        decoder, until = Decoder(m.TO_CLIENT), time.monotonic() + ANSWER_S
        while socket.poll(max(0.0, until - time.monotonic()) * 1000):
            message = unpack(socket.recv_multipart(), decoder)
            if isinstance(message, m.Ping):
                socket.send_multipart(pack(m.Pong()))
            elif isinstance(message, m.Result | m.Error) and message.id in (wanted, b""):
                return message
        log = self._log.read_text(errors="replace")[-500:]
        raise AssertionError(f"no answer in {ANSWER_S:.0f} s; the supervisor's status is {self.process.poll()}: {log}")


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
