"""A supervisor made of a script: a ROUTER on a thread that does what the test says, however wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import FROM_CLIENT, Error, Hello, Message, Welcome
from msgspec.structs import replace

Script = Callable[["ScriptedRouter", bytes, Message], None]


class ScriptedRouter:
    """Binds `client.sock` in `folder`; says welcome and gives every other message to `script`, on its own thread.

    `heard` is all that clients have said; `wait_for` waits until it holds what a test needs.
    """

    def __init__(self, folder: Path, script: Script | None = None, welcome: Message | None = None) -> None:
        self.path = folder / "client.sock"
        self.script = script or (lambda router, route, message: None)
        self.welcome: Message | None = welcome or Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid())
        self.heard: list[Message] = []
        self._changed = threading.Condition()
        self._stop_read, self._stop_write = os.pipe()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(60)

    def send(self, route: bytes, *messages: Message) -> None:
        """Sends at once, on the router's thread."""
        for message in messages:
            self._socket.send_multipart([route, *pack(message)])
            if isinstance(message, Error) and message.code == "shutting_down":
                self.welcome = self.successor()

    def successor(self) -> Message | None:
        """The welcome of the supervisor after this one: another process, and clients wait for the end of this one."""
        return replace(self.welcome, pid=self.welcome.pid + 1) if isinstance(self.welcome, Welcome) else self.welcome

    def send_frames(self, route: bytes, *frames: bytes) -> None:
        """Sends whatever it is given, on the router's thread."""
        self._socket.send_multipart([route, *frames])

    def wait_for(self, kind: type[Message], count: int = 1, timeout: float = 60.0) -> list[Any]:
        """The messages of a kind, once there are `count` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= count, timeout), self.heard
        return self.of(kind)

    def of(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]

    def die(self) -> None:
        """Goes away like a process that was killed."""
        if self._stop_write >= 0:
            os.write(self._stop_write, b".")  # it may be leaving already
            if threading.current_thread() is not self._thread:
                self._thread.join(60)
                os.close(self._stop_read)
                os.close(self._stop_write)
                self._stop_write = -1

    def _run(self) -> None:
        context = zmq.Context()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.bind(f"ipc://{self.path}")
        self._ready.set()
        decoder = Decoder(FROM_CLIENT)
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._stop_read, zmq.POLLIN)
        while True:
            events = dict(poller.poll())
            if self._stop_read in events:
                break
            route, *frames = self._socket.recv_multipart()
            message = unpack(frames, decoder)
            with self._changed:  # before the answer, after which the test may look
                self.heard.append(message)
                self._changed.notify_all()
            if isinstance(message, Hello) and self.welcome is not None:
                self.send(route, self.welcome)
            if not isinstance(message, Hello):
                self.script(self, route, message)
        self._socket.close(linger=1000)  # as the real one: what was said before arrives
        context.term()


Start = Callable[..., ScriptedRouter]  # of the fixture `start_router`
