"""The clients' socket: frames to events and back, and the ends of connections."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

import zmq
from hushd_protocol.buggify import buggify
from hushd_protocol.codec import Decoder
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack, unpack
from hushd_protocol.light_dataclass import replace
from hushd_protocol.limits import HIGH_WATER
from hushd_protocol.messages import FROM_CLIENT, Cancel, Chunk, Control, Credit, Error, Message, Result, Yield

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.events import ClientGone, Event, FromClient

from ..libzmq import numbers
from ..libzmq.connection_limit import ConnectionLimit, ListeningSocket, ceiling
from ..libzmq.routers import LINGER_MS, make_router, send
from ..libzmq.traffic import Traffic
from ..source import Outcome, Perform, Source

UNREAD = 32  # messages of a connection that libzmq reads ahead, of 128 KiB at most; then the client waits
BATCH = 64  # messages of one socket in a turn
TURN_S = 0.005  # of one turn for the messages of clients, whatever each of them costs
LEAVING = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
MOST_FRAMES = 64  # of what is not a message of ours; who sends more is not answered
_SLOW = pack(
    Error.of(b"", HushdError("slow_consumer", "This connection read too slowly and was given up: connect again."))
)
_CHOSEN = pack(
    Error.of(b"", HushdError("protocol_error", "A client must not choose its routing id: leave ZMQ_ROUTING_ID unset."))
)


class ClientSocket(Source):
    """All connections of clients.

    A connection is known by its route, and from its first message on by its descriptor too, because the notice of its
    end names only that. Descriptors are reused at once. Two facts keep the old and the new connection apart: libzmq's
    one I/O thread reports the end of the old one before it hands over a frame of the new one, and it numbers its routes
    upwards, since messages of the old one may be read after the new one's hello. And a connection may have ended before
    its first message is read: no notice will come of it any more, so it counts as gone once all is read.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        listener: ListeningSocket,
        clock: Callable[[], float] = time.monotonic,
        most: int | None = None,
    ) -> None:
        self.socket = make_router(context, UNREAD)
        self._first = numbers.first(context, self.socket)
        self.limit = ConnectionLimit(context, self.socket, listener, ceiling(3) if most is None else most)
        self.monitor = self.limit.monitor
        self._listener = listener
        self._left = False  # whether a connection has ended, since `take_left` was asked
        self._clock = clock
        self._traffic = Traffic()
        self._decoder = Decoder(FROM_CLIENT, few=True)
        self._routes: dict[int, bytes] = {}  # by descriptor
        self._descriptors: dict[bytes, int] = {}
        self._dropped: set[bytes] = set()  # too slow; nothing is sent to them any more
        self._named: set[int] = set()  # descriptors of clients that have chosen their route
        self._late: set[bytes] = set()  # first heard of when the end of their connection had been reported

    # --- what the loop asks of it ------------------------------------------------------------------------------------

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self.socket, zmq.POLLIN)
        self.limit.watch(poller)

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        if self.monitor in ready and not buggify("departures wait"):
            yield from self.departures()
        self.limit.refuse(ready)
        if self.socket in ready:
            arrived = self.receive(1 if buggify("one message of clients") else BATCH, TURN_S)
            yield from map(_renewed, arrived) if self._listener.lasting else arrived
        if self._late and not self.unread():
            yield from [self._forget(route) for route in list(self._late)]

    def unread(self) -> bool:
        return bool(self.socket.poll(0))

    def leave(self, *, stop: bool) -> None:
        """Ends new connections, if `stop`. A service manager's socket stays: its queue is the next supervisor's."""
        if stop:
            self._listener.remove()

    def close(self) -> None:
        self.refuse(LEAVING)
        self.shut(LINGER_MS)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ToClient: self._answer}

    def _answer(self, action: ToClient) -> Iterable[Outcome]:
        gone = self.send(action.route, action.message)
        return (gone,) if gone else ()

    # --- frames ------------------------------------------------------------------------------------------------------

    def receive(self, limit: int, seconds: float = math.inf) -> Iterator[FromClient | ClientGone]:
        """Yields at most `limit` messages, and none once `seconds` have passed, their handling included.

        libzmq takes one message of each connection in turn, so that one who sends thousands delays another's by one of
        them. Garbage is answered with an error to its sender alone.
        """
        end = self._clock() + seconds
        for _ in range(limit):
            if self._clock() >= end:
                return
            try:
                first = self.socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                self._traffic.emptied()
                return
            route = first.bytes
            try:
                frames = self._frames(first)
            except MemoryError:
                self._give_up_unread(route)
                raise
            if route not in self._descriptors:
                try:
                    descriptor = int(first.get(zmq.SRCFD))
                except zmq.ZMQError:  # bytes that libzmq took for its protocol of 2011: not a client of ours
                    continue
                yield from self.departures()  # and all that were accepted so far are counted
                if not self._is_numbered(route):  # a name that the client has chosen
                    self._refuse_name(route, descriptor)
                    continue
                yield from self._tie(route, descriptor)
                if route not in self._descriptors:
                    continue
                if not self.limit.has(descriptor):
                    self._late.add(route)
            self._traffic.received(self._descriptors[route], sum(map(len, frames)))
            if len(frames) > MOST_FRAMES:
                self._traffic.end(self._descriptors[route])
                continue
            if route in self._dropped:
                self._transmit(route, _SLOW)  # it reads again
                continue
            try:
                message = unpack(frames, self._decoder)
            except MemoryError:  # without an answer it would wait for ever: it connects again
                self._traffic.end(self._descriptors[route])
                raise
            except HushdError as error:
                if gone := self.send(route, Error.of(error.detail.get("id", b""), error)):
                    yield gone
                continue
            yield FromClient(route, message)

    def _refuse_name(self, route: bytes, descriptor: int) -> None:
        """Answers a client that has chosen its route, once. Ending the connection now would lose the answer."""
        if descriptor in self._named:
            self._traffic.end(descriptor)
        elif self.limit.has(descriptor):
            self._named.add(descriptor)
            self._transmit(route, _CHOSEN)

    def _frames(self, first: zmq.Frame) -> list[bytes]:
        """Returns the frames after `first`, but not many more than a message has; passes over the rest."""
        frames: list[bytes] = []
        frame, receive = first, self.socket.recv
        while frame.more and len(frames) <= MOST_FRAMES:
            frame = receive(copy=False)
            frames.append(frame.bytes)
        while frame.more:
            frame = receive(copy=False)
        return frames

    def _give_up_unread(self, route: bytes) -> None:
        """Passes over the rest of a message for which there is no memory, and ends its connection."""
        while self.socket.get(zmq.RCVMORE):
            self.socket.recv(copy=False)
        if route in self._descriptors:
            self._traffic.end(self._descriptors[route])

    def end_endless(self) -> int:
        """Ends the connections that send a message without an end; returns how many."""
        if not self.socket.poll(0):
            self._traffic.emptied()
        endless = self._traffic.endless()
        if endless and self.socket.poll(0):  # of whom is not known yet
            return 0
        return self._end(endless)

    def end_greediest(self) -> int:
        """Ends the connection with the most bytes under way, if there are many; returns how many it has ended."""
        return self._end(self._traffic.greediest())

    def _end(self, descriptors: list[int]) -> int:
        for descriptor in descriptors:
            self._traffic.end(descriptor)
        return len(descriptors)

    def departures(self) -> Iterator[ClientGone]:
        """Yields the clients whose connections have ended since the last call."""
        for accepted, descriptor in self.limit.changes():
            if accepted:
                self._traffic.opened(descriptor)
                continue
            self._left = True
            self._traffic.closed(descriptor)
            self._named.discard(descriptor)
            if (route := self._routes.get(descriptor)) is not None:
                dropped = route in self._dropped
                gone = self._forget(route)
                if not dropped:
                    yield gone

    def take_left(self) -> bool:
        """Returns whether a connection has ended since the last call, of a client or of one that never said hello."""
        left, self._left = self._left, False
        return left

    def send(self, route: bytes, message: Message) -> ClientGone | None:
        """Sends without waiting; a result that is too large becomes an error.

        Returns ClientGone when the client is gone, or, with `slow`, when it does not read its 1000 messages: then it
        gets nothing further.
        """
        if route in self._dropped:
            return None
        try:
            frames = pack(message)
        except HushdError as error:
            if not isinstance(message, Result | Error):
                return None  # a piece of an answer; the answer's end still comes
            frames = pack(Error.of(message.id, error))
        return self._transmit(route, frames)

    def refuse(self, error: HushdError) -> None:
        """Answers every unread message with `error`, except those about a request, which has ended."""
        for event in self.receive(HIGH_WATER):
            if isinstance(event, FromClient) and not isinstance(event.message, Chunk | Credit | Cancel | Yield):
                self.send(event.route, Error.of(getattr(event.message, "id", b""), error))

    def shut(self, linger_ms: int) -> None:
        """Closes the socket; sent messages are delivered for `linger_ms` by the context's end."""
        self.limit.close()
        self.socket.close(linger=linger_ms)

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
        try:
            self._traffic.sent(self._descriptors.get(route, -1), len(frames[1]) + len(frames[2]))
        except MemoryError:
            pass  # it is sent, and must not be sent again; these bytes are not counted
        return None

    def _tie(self, route: bytes, descriptor: int) -> Iterator[ClientGone]:
        """Ties a route to the descriptor of its connection, once the end of its last owner was noticed."""
        if (before := self._routes.get(descriptor)) is not None:
            if not numbers.is_later(route, before):
                return  # it has left, and its descriptor is another's already
            yield self._forget(before)
        self._routes[descriptor] = route
        self._descriptors[route] = descriptor

    def _is_numbered(self, route: bytes) -> bool:
        """Returns whether libzmq can have made `route`: it numbers its connections one after the other."""
        return numbers.is_number(route, self._first, self.limit.accepted)

    def _forget(self, route: bytes) -> ClientGone:
        descriptor = self._descriptors.pop(route, None)
        if descriptor is not None:
            del self._routes[descriptor]
        self._dropped.discard(route)
        self._late.discard(route)
        return ClientGone(route)


def _renewed(event: Event) -> Event:
    """A shutdown by control as a restart: the service manager, whose socket this is, will start the next supervisor."""
    if isinstance(event, FromClient) and isinstance(event.message, Control) and event.message.action == "shutdown":
        return FromClient(event.route, replace(event.message, action="restart"))
    return event
