"""A scripted supervisor, and the program that uses the client under test."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import (
    FROM_CLIENT,
    Cancel,
    Chunk,
    Control,
    Credit,
    Error,
    Hello,
    Message,
    Pong,
    Request,
    Result,
    Welcome,
)

from hushd_conformance.case import Fault

LOOK_MS = 50
CLIENT_QUIET_S = 0.5  # in which a client that does not wait would send more
M = TypeVar("M", bound=Message)


class Trial:
    """A trial of a client: it binds `client.sock` in a new folder, and runs `program` there. All waits end after
    `limit_s`."""

    def __init__(self, program: Sequence[str], limit_s: float) -> None:
        self._program, self._limit_s = program, limit_s
        self._folder = tempfile.TemporaryDirectory(prefix="hushd-", dir="/tmp")
        self.folder = Path(self._folder.name)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.bind(f"ipc://{self.folder}/client.sock")
        self._decoder = Decoder(FROM_CLIENT)
        self._route = b""
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Ends the program, and removes the socket."""
        if self._process:
            self._process.kill()
            self._process.communicate()
        self.die()
        self._folder.cleanup()

    def die(self) -> None:
        """Disappears like a killed supervisor."""
        self._socket.close(linger=0)
        self._context.term()

    def start(self, *arguments: str) -> None:
        """Starts the program with further arguments."""
        environment = {**os.environ, "HUSHD_RUNTIME_DIR": str(self.folder), "HUSHD_AUTOSTART": "0"}
        environment.pop("HUSHD_ENDPOINT", None)
        with open(self.folder / "output", "wb") as output, open(self.folder / "errors", "wb") as errors:
            self._process = subprocess.Popen(
                [*self._program, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment
            )

    def send(self, *messages: Message) -> None:
        """Sends a message to the connection that sent last."""
        for message in messages:
            self.send_frames(*pack(message))

    def send_frames(self, *frames: bytes) -> None:
        """Sends frames that are not a message."""
        self._socket.send_multipart([self._route, *frames])

    def take(self, limit_s: float | None = None) -> Message | None:
        """Returns the next message; None after a timeout, or if the program has ended."""
        end = time.monotonic() + (self._limit_s if limit_s is None else limit_s)
        while not self._socket.poll(LOOK_MS):
            ended = self._process is not None and self._process.poll() is not None
            if time.monotonic() > end or (ended and not self._socket.poll(LOOK_MS)):
                return None
        self._route, *frames = self._socket.recv_multipart()
        return unpack(frames, self._decoder)

    def expect(self, kind: type[M]) -> M:
        """Returns the next message, which must be a `kind`; welcomes connections, and answers controls with empty
        results."""
        while True:
            message = self.take()
            if isinstance(message, kind):
                return message
            if isinstance(message, Hello):
                self.welcome(message)
            elif isinstance(message, Control):
                self.send(Result(id=message.id))
            elif message is None:
                raise Fault(f"no {kind.TYPE} came from it{self._last_words()}")
            elif not isinstance(message, (Pong, Credit, Cancel)):  # which may come at any time
                raise Fault(f"it sent a {message.TYPE} instead of a {kind.TYPE}")

    def welcome(self, hello: Hello) -> None:
        """Answers a hello like a supervisor."""
        if hello.protocol != PROTOCOL:
            raise Fault(f"its hello names the protocol {hello.protocol}")
        self.send(Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid()))

    def request(self, op: str, *arguments: str) -> Request:
        """Starts the program for an operation, and returns its request."""
        self.start(op, *arguments)
        request = self.expect(Request)
        if request.op != op:
            raise Fault(f"it requested the operation {request.op}, not {op}")
        return request

    def next_request(self) -> Request | None:
        """Returns the next request; None if the program ends without one."""
        while message := self.take():
            if isinstance(message, Request):
                return message
        return None

    def quiet(self) -> None:
        """Checks that neither input nor another request comes."""
        end = time.monotonic() + CLIENT_QUIET_S
        while (left := end - time.monotonic()) > 0:
            message = self.take(left)
            if isinstance(message, (Chunk, Request)):
                raise Fault(f"it sent a {message.TYPE} before that")

    def end(self) -> tuple[int, bytes, str]:
        """Waits for the program's end; returns its status, its output, and its standard error."""
        assert self._process
        deadline = time.monotonic() + self._limit_s
        while self._process.poll() is None:
            if self._socket.closed:
                time.sleep(LOOK_MS / 1000)
            else:
                self.take(LOOK_MS / 1000)
            if time.monotonic() > deadline:
                raise Fault(f"the program had not ended after {self._limit_s:.0f} s")
        return self._process.returncode, (self.folder / "output").read_bytes(), self._last_words()

    def succeeds(self) -> bytes:
        """Waits for the program's end, which must be a success; returns its output."""
        status, output, words = self.end()
        if status != 0:
            raise Fault(f"the program ended with the status {status}{words}")
        return output

    def fails(self, *words: str) -> None:
        """Waits for the program's end, which must be a failure with the words on standard error."""
        status, _, last_words = self.end()
        if status == 0:
            raise Fault("the program ended with success")
        for word in words:
            if word not in last_words:
                raise Fault(f"its standard error does not have {word!r}{last_words}")

    def refuse(self, request: Message, error: HushdError) -> None:
        """Ends a request with an error."""
        self.send(Error.of(getattr(request, "id", b""), error))

    def _last_words(self) -> str:
        errors = self.folder / "errors"
        words = errors.read_text(errors="replace").strip() if errors.exists() else ""
        return f" ({words[-600:]})" if words else ""
