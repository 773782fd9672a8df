"""The cases for a supervisor, for a client's connection, on the running one, with its default voice."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TypeVar

import msgpack
import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import MAGIC, MAX_HEADER, PROTOCOL
from hushd_protocol.messages import (
    TO_CLIENT,
    Accepted,
    Cancel,
    Chunk,
    Claim,
    Control,
    Credit,
    Error,
    Hello,
    Message,
    Partial,
    Ping,
    Pong,
    Request,
    Result,
    Turn,
    Welcome,
    Yield,
)

from .case import Case, Fault

TEXT = b"The first sentence. The second sentence. The third sentence."
CROWD = 1000  # more than any reasonable queue
M = TypeVar("M", bound=Message)


class Peer:
    """A client that only sends what a case tells it. All waits end after `limit_s` seconds."""

    def __init__(self, socket: Path, limit_s: float) -> None:
        self._limit_s, self._heard = limit_s, time.monotonic()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.connect(f"ipc://{socket}")
        self._decoder = Decoder(TO_CLIENT)

    def close(self) -> None:
        """Disconnects without a message."""
        self._socket.close(linger=0)
        self._context.term()

    def greet(self, protocol: int = PROTOCOL) -> None:
        """Sends a hello."""
        self.send(Hello(protocol=protocol, version=__version__, pid=os.getpid()))

    def begin(self) -> None:
        """Sends a hello, and waits for the welcome."""
        self.greet()
        self.expect(Welcome)

    def send(self, message: Message) -> None:
        """Sends a message."""
        self.send_frames(*pack(message))

    def send_header(self, **fields: object) -> None:
        """Sends an arbitrary header."""
        self.send_frames(MAGIC, msgpack.packb(fields), b"")

    def send_frames(self, *frames: bytes) -> None:
        """Sends frames that are not a message."""
        self._socket.send_multipart(frames)

    def take(self) -> Message:
        """Returns the next message, and answers a ping."""
        if not self._socket.poll(round(self._limit_s * 1000)):
            raise Fault(f"nothing came within {self._limit_s:.0f} s")
        message = unpack(self._socket.recv_multipart(), self._decoder)
        if not isinstance(message, Ping):
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > self._limit_s:
            raise Fault(f"nothing but pings came within {self._limit_s:.0f} s")
        else:
            self.send(Pong())
        return message

    def expect(self, *kinds: type[M]) -> M:
        """Returns the next message of the kinds; skips messages that may come at any time."""
        while not isinstance(message := self.take(), kinds):
            if isinstance(message, (Error, Result, Welcome)):
                words = f" ({message.code}: {message.message})" if isinstance(message, Error) else ""
                raise Fault(f"a {message.TYPE} came{words}")
        return message

    def take_of(self, identifier: bytes, *kinds: type[M]) -> M:
        """Returns the next message of the kinds for one request; an error for it is a fault."""
        while not (isinstance(message := self.take(), kinds) and getattr(message, "id", b"") == identifier):
            if isinstance(message, Error) and message.id == identifier:
                raise Fault(f"an error came ({message.code}: {message.message})")
        return message

    def state(self, identifier: bytes) -> str:
        """Returns the next state of a request with streamed input; `running` once its input is requested."""
        message = self.take_of(identifier, Accepted, Credit)
        return message.state if isinstance(message, Accepted) else "running"

    def refused(self, code: str, identifier: bytes = b"") -> None:
        """Waits for an error with the code and the id."""
        error = self.expect(Error)
        if (error.code, error.id) != (code, identifier):
            raise Fault(f"the error is {error.code} with the id {error.id.hex() or 'of nobody'}, not {code}")

    def speak(self, **fields: object) -> bytes:
        """Requests speech; returns the request's id."""
        request = Request(**{"id": os.urandom(16), "worker": "tts", "op": "synthesize", **fields})  # type: ignore[arg-type]
        self.send(request)
        return request.id

    def last(self, identifier: bytes) -> None:
        """Checks by another answer that nothing more comes for a request."""
        control = Control(id=os.urandom(16), action="status")
        self.send(control)
        while (message := self.take()) and getattr(message, "id", b"") != control.id:
            if getattr(message, "id", b"") == identifier:
                raise Fault(f"a {message.TYPE} came after its end")


def welcome(peer: Peer) -> None:
    """Sends a hello, which must be answered by a welcome."""
    peer.greet()
    if (answer := peer.expect(Welcome)).protocol != PROTOCOL:
        raise Fault(f"the welcome names the protocol {answer.protocol}")


def uninvited(peer: Peer) -> None:
    """Sends a control before the hello."""
    control = Control(id=os.urandom(16), action="status")
    peer.send(control)
    peer.refused("protocol_error", control.id)


def newer(peer: Peer) -> None:
    """Sends a hello of a later version."""
    peer.greet(PROTOCOL + 1)
    error = peer.expect(Error)
    if (error.code, error.detail.get("protocol")) != ("version_mismatch", PROTOCOL):
        raise Fault(f"the error is {error.code}, with {error.detail}")


def garbage(peer: Peer) -> None:
    """Sends frames that are not hushd/1."""
    peer.begin()
    for frames in ((b"HSH2", b"\x80", b""), (MAGIC, b"\x80"), (MAGIC, b"\xc1", b""), (MAGIC, msgpack.packb([]), b"")):
        peer.send_frames(*frames)
        peer.expect(Error)
    peer.send_frames(MAGIC, msgpack.packb({"type": "pong", "waste": bytes(MAX_HEADER)}), b"")
    peer.refused("too_large")


def fields(peer: Peer) -> None:
    """Sends messages with missing, wrong and unknown fields."""
    peer.begin()
    identifier = os.urandom(16)
    peer.send_header(type="control", id=identifier)
    peer.refused("protocol_error", identifier)
    peer.send_header(type="control", id=identifier, action=["status"])
    peer.refused("protocol_error", identifier)
    peer.send_header(type="control", id=identifier, action="status", hue={"a": [1, None]})
    if peer.expect(Result).id != identifier:
        raise Fault("the status has another id")


def strangers(peer: Peer) -> None:
    """Sends unknown types, operations and workers."""
    peer.begin()
    identifier = os.urandom(16)
    peer.send_header(type="weather", id=identifier)
    peer.refused("unsupported", identifier)
    peer.send(Cancel(id=os.urandom(16)))  # of an unknown request: ignored
    request = Request(id=os.urandom(16), worker="tts/nobody", op="synthesize", payload=TEXT)
    peer.send(request)
    peer.refused("engine_missing", request.id)
    request = Request(id=os.urandom(16), worker="tts", op="synthesize", params={"hue": 1}, payload=TEXT)
    peer.send(request)
    peer.refused("bad_request", request.id)


def credit(peer: Peer) -> None:
    """Grants chunk by chunk, with the times of words between them."""
    peer.begin()
    identifier = peer.speak(params={"timeline": True}, payload=TEXT, credit=1)
    expected, granted, chunks = 0, 1, 0
    while isinstance(message := peer.expect(Chunk, Partial, Result), (Chunk, Partial)):
        if message.seq != expected:
            raise Fault(f"the seq {message.seq} came instead of {expected}")
        expected += 1
        if isinstance(message, Chunk):
            if chunks == 0 and not (message.rate and message.channels):
                raise Fault("the first chunk names no rate and channels")
            chunks += 1
            if chunks > granted:
                raise Fault(f"the chunk {chunks} came, but {granted} were granted")
            granted += 1
            peer.send(Credit(id=identifier, chunks=1))
    if chunks == 0 or expected == chunks:
        raise Fault("there was no sound, or no timeline")
    peer.last(identifier)


def stream(peer: Peer) -> None:
    """Sends a text in two chunks, as they are granted; pings come while it waits for the second one."""
    peer.begin()
    identifier = peer.speak(input="stream", credit=256)
    peer.expect(Credit)
    peer.send(Chunk(id=identifier, seq=0, payload=TEXT[:20]))
    peer.expect(Ping)
    peer.send(Chunk(id=identifier, seq=1, payload=TEXT[20:], last=True))
    if peer.expect(Result).id != identifier:
        raise Fault("the result has another id")


def overdrawn(peer: Peer) -> None:
    """Sends a chunk out of order."""
    peer.begin()
    identifier = peer.speak(input="stream", credit=256)
    peer.expect(Credit)
    peer.send(Chunk(id=identifier, seq=1, payload=TEXT))
    peer.refused("protocol_error", identifier)
    peer.last(identifier)


def cancel(peer: Peer) -> None:
    """Cancels a request that waits for input."""
    peer.begin()
    identifier = peer.speak(input="stream", credit=8)
    peer.expect(Credit)
    peer.send(Cancel(id=identifier))
    peer.refused("cancelled", identifier)
    peer.last(identifier)


def deadline(peer: Peer) -> None:
    """Lets a deadline pass while the request waits for its input."""
    peer.begin()
    began = time.monotonic()
    identifier = peer.speak(input="stream", credit=8, deadline_ms=300)
    peer.refused("deadline_exceeded", identifier)
    if time.monotonic() - began < 0.3:
        raise Fault("it passed too early")


def floor(peer: Peer) -> None:
    """Claims the device that any number may have, and gives it back."""
    peer.begin()
    claim = Claim(id=os.urandom(16), devices=["wake"])
    peer.send(claim)
    if (turn := peer.expect(Turn)).state != "granted":
        raise Fault(f"the turn is {turn.state}")
    peer.send(Yield(id=claim.id))
    if peer.expect(Result).id != claim.id:
        raise Fault("the result has another id")


def places(peer: Peer) -> None:
    """Sends more requests than there are places; the last one waits for its place."""
    peer.begin()
    held: list[bytes] = []
    while not held or (state := peer.state(held[-1])) != "waiting":
        if held and state == "send":
            raise Fault("a request that had not waited was told to send")
        if len(held) == CROWD:
            raise Fault(f"{CROWD} requests have got a place")
        held.append(peer.speak(input="stream", credit=8, wait=True))
    late = held.pop()
    for identifier in held:
        peer.send(Cancel(id=identifier))
    while (message := peer.take()) and not (isinstance(message, Accepted) and message.state == "send"):
        if getattr(message, "id", b"") == late and not isinstance(message, Accepted):
            raise Fault(f"a {message.TYPE} came before it was told to send")
    peer.speak(id=late, wait=True, payload=TEXT, credit=256)
    while peer.take_of(late, Chunk, Result).TYPE != "result":
        pass
    peer.last(late)


CASES = (
    Case("welcome", "A hello is answered by a welcome in its version.", welcome),
    Case("uninvited", "Any message before hello is a protocol_error.", uninvited),
    Case("newer", "A newer protocol is a version_mismatch that names the supervisor's protocol.", newer),
    Case("garbage", "Unreadable frames are an error, and affect no other client.", garbage),
    Case("fields", "A missing or wrong field is a protocol_error, an unknown one is ignored.", fields),
    Case("strangers", "Unknown types, operations and workers are refused, each with its code and id.", strangers),
    Case("credit", "Each chunk costs a credit, and seq has no gaps; the result is the last message.", credit),
    Case("stream", "Input is sent as credit allows, and a client with a request is pinged.", stream),
    Case("overdrawn", "A chunk out of order ends the request with protocol_error.", overdrawn),
    Case("cancel", "A cancelled request ends once, with cancelled.", cancel),
    Case("deadline", "A request ends with its deadline, waiting or running.", deadline),
    Case("places", "A request with wait waits for a place, and is told to send once one is free.", places),
    Case("floor", "A claim is granted, and ends with a result once it is given back.", floor),
)
