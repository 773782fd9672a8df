"""Both sockets of a real supervisor, whose clients and workers say anything; a good client is answered all along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
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
RUDE = Path(__file__).parent / "rude_worker.py"
LOOK = 500  # inputs between two looks at whether it still answers
ANSWER_S = 30.0
CROWD = 6  # connections at a time
RETURNED = 20  # names of rude workers
LARGEST = 200_000_000  # bytes resident


class House:
    """A supervisor in a folder of its own. A context manager.

    Args:
        rude: names of workers that say anything.
        config, tables: more lines of the configuration, before its tables and after them.
    """

    def __init__(self, folder: Path, rude: Sequence[str] = (), config: str = "", tables: str = "") -> None:
        self._folder = folder
        self.run = folder / "run"
        self._log = folder / "errors"
        self._rude = rude
        self._more = config, tables
        self.context = zmq.Context()

    def __enter__(self) -> House:
        def command(*words: object) -> str:
            return "command = [" + ", ".join(f"'{word}'" for word in words) + "]\n"

        tables = [
            'stt = "echo/a"\ntts = "echo/a"\n' + self._more[0],
            "[worker]\nkeep_alive = 5\nstart_timeout = 20\ndrain_timeout = 2\n",
            *(
                f'[worker."{role}/echo"]\n{command(sys.executable, TESTS / "echo_worker.py")}'
                for role in ("stt", "tts")
            ),
            f'[worker."stt/fake"]\n{command(sys.executable, TESTS / "fake_worker.py")}',
            *(f'[worker."{name}"]\n{command(sys.executable, RUDE, self._folder)}' for name in self._rude),
            self._more[1],
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

    def connect(self, name: str = "client.sock") -> zmq.Socket[bytes]:
        socket = self.context.socket(zmq.DEALER)
        socket.set(zmq.LINGER, 0)
        socket.connect(f"ipc://{self.run / name}")
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
    """Some connections to one socket, any of which may be replaced, read from or left unread."""

    def __init__(self, house: House, name: str) -> None:
        self._house, self._name = house, name
        self._decoder = Decoder(m.TO_CLIENT)
        self._sockets = [house.connect(name) for _ in range(CROWD)]

    def send(self, rng: Random, frames: list[bytes]) -> None:
        number = rng.randrange(CROWD)
        if rng.random() < 0.002:
            self._sockets[number].close(linger=0)
            self._sockets[number] = self._house.connect(self._name)
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
        crowd, count = _Crowd(house, "client.sock"), 0

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
def strangers(folder: Path) -> Iterator[Feed]:
    """worker.sock: programs that the supervisor has not started."""
    with House(folder) as house:
        crowd, count = _Crowd(house, "worker.sock"), 0

        def feed(rng: Random) -> None:
            nonlocal count
            crowd.send(rng, wire.frames(rng, wire.message(rng, m.FROM_WORKER), harm=0.3))
            count += 1
            if count % LOOK == 0:
                house.check()

        yield feed
        house.check()


@contextmanager
def worker(folder: Path) -> Iterator[Feed]:
    """worker.sock: programs that the supervisor has started, with their token; an input is what one of them sends."""
    names = [f"stt/rude{number}" for number in range(RETURNED)]
    with House(folder, names) as house:
        client, count, decoder = _greeted(house), 0, Decoder(m.TO_CLIENT)

        def feed(rng: Random) -> None:
            """Keeps rude workers at work until they have sent one message more."""
            nonlocal client, count
            until = time.monotonic() + 50
            while _sent(folder) <= count:
                assert time.monotonic() < until, "no rude worker has sent anything for 50 s"
                asked: m.Message = m.Request(
                    id=rng.randbytes(ID_BYTES), worker=f"{rng.choice(names)}/a", op="echo", credit=8,
                    input=rng.choice(("inline", "none", "stream")), session=rng.random() < 0.3, deadline_ms=3000,
                )  # fmt: skip
                if rng.random() < 0.1:  # or all are closed in the end, since each crashes more often than is allowed
                    asked = m.Control(id=rng.randbytes(ID_BYTES), action="unload", names=[rng.choice(names)])
                with suppress(zmq.Again):
                    client.send_multipart(pack(asked), zmq.NOBLOCK)
                while client.poll(50):
                    match unpack(client.recv_multipart(), decoder):
                        case m.Ping():
                            client.send_multipart(pack(m.Pong()))
                        case m.Error(id=b""):  # given up: workers send thousands of partial results
                            client.close(linger=0)
                            client = _greeted(house)
            count += 1
            if count % LOOK == 0:
                house.check()

        yield feed
        house.check()


def _greeted(house: House) -> zmq.Socket[bytes]:
    client = house.connect()
    client.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="fuzz")))
    return client


def _sent(folder: Path) -> int:
    return sum(int(path.read_text() or 0) for path in folder.glob("sent-*"))
