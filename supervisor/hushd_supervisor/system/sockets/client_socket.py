"""The clients' socket: turns frames into events and messages into frames, and notices closed connections."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Container, Iterable, Iterator, Mapping

import zmq
from hushd_protocol import buggify
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import HIGH_WATER
from hushd_protocol.messages import FROM_CLIENT, Cancel, Chunk, Control, Credit, Error, Message, Result, Yield
from msgspec.structs import replace

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.events import ClientGone, Event, FromClient

from ..source import Outcome, Perform, Source
from .lock import ListeningSocket
from .router import ANSWER_LINGER_MS, listen, make_router, send

UNREAD_MESSAGES = 32  # messages of 128 KiB at most that libzmq reads ahead for a connection; then the client waits
BATCH = 64  # messages of one socket per turn
TURN_S = 0.005  # seconds of a turn for clients' messages, however costly they are
LEAVING = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
MAX_MESSAGE_FRAMES = 64  # frames of a message that are kept; one with so many is not a message
_MONITOR = "inproc://clients"
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED
_SLOW = pack(
    Error.of(b"", HushdError("slow_consumer", "This connection read too slowly and was given up: connect again."))
)


class ClientSocket(Source):
    """All connections of clients.

    A connection is identified by its route, and from its first message on by its descriptor too, because the notice of
    its end names only that. Descriptors are reused at once. Two facts keep the old and the new connection apart:
    libzmq's I/O thread reports the end of the old one before it passes on a frame of the new one; and libzmq numbers
    its routes upwards, which tells them apart when messages of the old one are read after the new one's hello. A
    connection may also have ended before its first message is read: no notice of its end will come, so it counts as
    gone once everything is read.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], listener: ListeningSocket) -> None:
        self.socket = make_router(context, UNREAD_MESSAGES)
        self.socket.monitor(_MONITOR, _EVENTS)
        self.monitor = context.socket(zmq.PAIR)
        self.monitor.set_hwm(0)  # a full queue would stop libzmq's thread
        self.monitor.connect(_MONITOR)
        listen(self.socket, listener)
        self._listener = listener
        self._connected: set[int] = set()  # descriptors
        self._decoder = Decoder(FROM_CLIENT)
        self._routes: dict[int, bytes] = {}  # routes by descriptor
        self._descriptors: dict[bytes, int] = {}
        self._dropped: set[bytes] = set()  # routes of slow clients, which are sent nothing more
        self._late: set[bytes] = set()  # routes whose first message was read after the end of their connection

    # --- the loop's calls --------------------------------------------------------------------------------------------

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        if self.monitor in ready and not buggify("departures wait"):
            yield from self.departures()
        if self.socket in ready:
            arrived = self.receive(1 if buggify("one message of clients") else BATCH, TURN_S)
            yield from map(_renewed, arrived) if self._listener.lasting else arrived
        if self._late and not self.unread():
            yield from [self._forget(route) for route in list(self._late)]

    def unread(self) -> bool:
        return bool(self.socket.poll(0))

    def prepare_end(self, *, stop: bool) -> None:
        """Takes no new connections if `stop`. A service manager's socket stays: its queue is the next supervisor's."""
        if stop:
            self._listener.remove()

    def close(self, linger_ms: int = ANSWER_LINGER_MS) -> None:
        """Refuses unread messages; the context's end waits up to `linger_ms` for the delivery of sent messages."""
        self.refuse(LEAVING)
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=linger_ms)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ToClient: self._answer}

    def _answer(self, action: ToClient) -> Iterable[Outcome]:
        gone = self.send(action.route, action.message)
        return (gone,) if gone else ()

    # --- frames ------------------------------------------------------------------------------------------------------

    def receive(self, limit: int, seconds: float = math.inf) -> Iterator[FromClient | ClientGone]:
        """Yields at most `limit` messages, and none once `seconds` have passed, including their handling.

        libzmq reads one message of each connection in turn, so a client that sends thousands delays another's message
        by only one of its own. An invalid message is answered with an error to its sender.
        """
        end = time.monotonic() + seconds
        for _ in range(limit):
            if time.monotonic() >= end:
                return
            try:
                first = self.socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            route, frames = first.bytes, self._frames(first)
            if route not in self._descriptors:
                try:
                    descriptor = int(first.get(zmq.SRCFD))
                except zmq.ZMQError:  # bytes that libzmq took for its protocol of 2011, not a client's
                    continue
                yield from self.departures()  # this notes all connections accepted so far, too
                yield from self._tie(route, descriptor)
                if route not in self._descriptors:
                    continue
                if descriptor not in self._connected:
                    self._late.add(route)
            if route in self._dropped:
                self._transmit(route, _SLOW)  # it reads again
                continue
            try:
                message = unpack(frames, self._decoder)
            except HushdError as error:
                if gone := self.send(route, Error.of(error.detail.get("id", b""), error)):
                    yield gone
                continue
            yield FromClient(route, message)

    def _frames(self, first: zmq.Frame) -> list[bytes]:
        """Returns the frames after `first`, up to MAX_MESSAGE_FRAMES; skips further ones."""
        frames: list[bytes] = []
        frame, receive = first, self.socket.recv
        while frame.more:
            frame = receive(copy=False)
            if len(frames) < MAX_MESSAGE_FRAMES:
                frames.append(frame.bytes)
        return frames

    def departures(self) -> Iterator[ClientGone]:
        """Yields the clients whose connections have ended since the last call."""
        while (change := self._change()) is not None:
            accepted, descriptor = change
            if accepted:
                self._connected.add(descriptor)
                continue
            self._connected.discard(descriptor)
            if (route := self._routes.get(descriptor)) is not None:
                dropped = route in self._dropped
                gone = self._forget(route)
                if not dropped:
                    yield gone

    def _change(self) -> tuple[bool, int] | None:
        """The next descriptor that libzmq has accepted (True), or whose connection has ended; None if there is none."""
        try:
            event, _endpoint = self.monitor.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        kind, descriptor = struct.unpack("=Hi", event)
        return kind == zmq.EVENT_ACCEPTED, descriptor

    def send(self, route: bytes, message: Message) -> ClientGone | None:
        """Sends without waiting; a result that is too large becomes an error.

        Returns ClientGone if the client is gone, or, with `slow`, if its queue of 1000 messages is full: then it is
        sent nothing more.
        """
        if route in self._dropped:
            return None
        try:
            frames = pack(message)
        except HushdError as error:
            if not isinstance(message, Result | Error):
                return None  # part of an answer, whose end is still to come
            frames = pack(Error.of(message.id, error))
        return self._transmit(route, frames)

    def refuse(self, error: HushdError) -> None:
        """Answers every unread message with `error`, except messages about a request, which has ended."""
        for event in self.receive(HIGH_WATER):
            if isinstance(event, FromClient) and not isinstance(event.message, Chunk | Credit | Cancel | Yield):
                self.send(event.route, Error.of(getattr(event.message, "id", b""), error))

    def _transmit(self, route: bytes, frames: list[bytes]) -> ClientGone | None:
        try:
            send(self.socket, route, frames)
        except zmq.Again:
            self._dropped.add(route)
            return ClientGone(route, slow=True)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return self._forget(route)
        return None

    def _tie(self, route: bytes, descriptor: int) -> Iterator[ClientGone]:
        """Ties a route to the descriptor of its connection; yields the end of the descriptor's last owner, if new."""
        if (old_route := self._routes.get(descriptor)) is not None:
            if not _is_later(route, old_route):
                return  # this client has left, and another one has its descriptor
            yield self._forget(old_route)
        self._routes[descriptor] = route
        self._descriptors[route] = descriptor

    def _forget(self, route: bytes) -> ClientGone:
        descriptor = self._descriptors.pop(route, None)
        if descriptor is not None:
            del self._routes[descriptor]
        self._dropped.discard(route)
        self._late.discard(route)
        return ClientGone(route)


def _is_later(route: bytes, reference: bytes) -> bool:
    """Returns whether libzmq has named `route` after `reference`: a zero byte, and 32 bits that count upwards."""
    return (int.from_bytes(route[1:]) - int.from_bytes(reference[1:])) % 2**32 < 2**31


def _renewed(event: Event) -> Event:
    """Turns a client's shutdown into a restart, since the service manager will start the next supervisor."""
    if isinstance(event, FromClient) and isinstance(event.message, Control) and event.message.action == "shutdown":
        return FromClient(event.route, replace(event.message, action="restart"))
    return event
