"""ROUTER sockets: their bounds, the socket at which they listen, and sending through them."""

from __future__ import annotations

import zmq
from hushd_protocol.limits import HIGH_WATER, MAX_WIRE

from .lock import ListeningSocket

ANSWER_LINGER_MS = 1000  # milliseconds at the end in which the last answers arrive
HANDSHAKE_MS = 10_000  # milliseconds for a peer to begin to speak ZeroMQ; then it is disconnected
_LAST = int(zmq.NOBLOCK)
_MORE = _LAST | int(zmq.SNDMORE)


def make_router(context: zmq.Context[zmq.Socket[bytes]], unread: int = HIGH_WATER) -> zmq.Socket[bytes]:
    """Makes a ROUTER that reads ahead `unread` messages of each connection; then let it `listen`."""
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a send to a client that is gone is an error
    router.setsockopt(zmq.MAXMSGSIZE, MAX_WIRE)
    router.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    router.setsockopt(zmq.LINGER, 0)
    router.setsockopt(zmq.SNDHWM, HIGH_WATER)
    router.setsockopt(zmq.RCVHWM, unread)
    return router


def listen(router: zmq.Socket[bytes], listener: ListeningSocket) -> None:
    """Has a ROUTER accept from `listener`, whose descriptor is libzmq's from now on."""
    router.setsockopt(zmq.USE_FD, listener.fd)
    router.bind(listener.endpoint)


def send(router: zmq.Socket[bytes], route: bytes, frames: list[bytes]) -> None:
    """Sends without waiting. (pyzmq's own `send_multipart` adds up enums for each frame, 2 us a message.)
    Raises zmq.ZMQError: EHOSTUNREACH when the peer is gone, `zmq.Again` when its queue is full."""
    router.send(route, _MORE)
    for frame in frames[:-1]:
        router.send(frame, _MORE)
    router.send(frames[-1], _LAST)
