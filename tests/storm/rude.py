"""Clients without manners: garbage, thousands of messages, and answers that nobody reads."""

from __future__ import annotations

import os
import time

import zmq
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAGIC, PROTOCOL
from hushd_protocol.messages import TO_CLIENT, Error, Hello, Message, Ping, Pong, Result

from .stage import Stage

GARBAGE = (
    [b""], [b"HTTP/1.1", b"{}", b""], [MAGIC], [MAGIC, b"\xc1", b""], [MAGIC, b"\x80", b"", b""],
    [MAGIC, b"\x81\xa4type\xa3odd", b""], [MAGIC, b"\x81\xa4type\xa7request", b""],
    [MAGIC, b"\x81\xa4type\xa5hello", b"x" * 65537], [MAGIC, b"\x91" * 60_000, b""], [b"", b"REQ", b""],
)  # fmt: skip


class Rude:
    """A DEALER that sends what it likes. A context manager."""

    def __init__(self, stage: Stage, name: str = "client.sock") -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.RECONNECT_IVL, 10**6)  # not again
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED)
        self.socket.connect(f"ipc://{stage.run / name}")
        self._decoder = Decoder(TO_CLIENT)

    def __enter__(self) -> Rude:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=0)
        self.context.term()

    def hello(self) -> None:
        self.raw(pack(Hello(protocol=PROTOCOL, version="rude", pid=os.getpid())))

    def raw(self, frames: list[bytes]) -> None:
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            pass  # nobody there, or nobody who reads so fast

    def ends(self, ids: set[bytes], seconds: float) -> dict[bytes, HushdError | None]:
        """The ends of requests; those without one end with their connection.

        Those without one in so many seconds are missing.

        Raises:
            AssertionError: one has two.
        """
        ends: dict[bytes, HushdError | None] = {}
        deadline = time.monotonic() + seconds
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        while ids - set(ends) and time.monotonic() < deadline:
            ready = dict(poller.poll(500))
            if not ready:
                self.raw(pack(Pong()))  # asks who has been given up to say so
            elif self.socket in ready:
                message = unpack(self.socket.recv_multipart(), self._decoder)
                if isinstance(message, Ping):
                    self.raw(pack(Pong()))
                elif (ended := self._end(message)) is not None:
                    assert ended not in ends, "two ends of one request"
                    if ended:
                        ends[ended] = message.exception() if isinstance(message, Error) else None
                    else:
                        assert isinstance(message, Error)
                        return ends | {one: message.exception() for one in ids - set(ends)}
            else:
                lost = HushdError("supervisor_lost", "The connection has ended.")
                return ends | dict.fromkeys(ids - set(ends), lost)
        return ends

    @staticmethod
    def _end(message: Message) -> bytes | None:
        return message.id if isinstance(message, Result | Error) else None
