"""Makes ROUTER sockets with the options that untrusted peers require, reads from them and sends through them."""

from __future__ import annotations

import zmq
from hushd_protocol.limits import HIGH_WATER, MAX_WIRE

LINGER_MS = 1000  # at the end, so that the last answers arrive
_LAST = int(zmq.NOBLOCK)
_MORE = _LAST | int(zmq.SNDMORE)


def make_router(context: zmq.Context[zmq.Socket[bytes]], unread: int = HIGH_WATER) -> zmq.Socket[bytes]:
    """Makes a ROUTER that reads ahead `unread` messages of each connection; its `ConnectionLimit` binds it."""
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a send to a client that is gone is an error
    router.setsockopt(zmq.MAXMSGSIZE, MAX_WIRE)
    router.setsockopt(zmq.LINGER, 0)
    router.setsockopt(zmq.SNDHWM, HIGH_WATER)
    router.setsockopt(zmq.RCVHWM, unread)
    return router


def rest(socket: zmq.Socket[bytes]) -> list[bytes]:
    """Returns the frames of the message whose route was just read; skips all of them if memory runs out."""
    frames = []
    try:
        while socket.get(zmq.RCVMORE):
            frames.append(socket.recv())
    finally:
        while socket.get(zmq.RCVMORE):
            socket.recv(copy=False)
    return frames


def send(router: zmq.Socket[bytes], route: bytes, frames: list[bytes]) -> None:
    """Sends without waiting. (pyzmq's own `send_multipart` adds up enums for each frame, 2 us a message.)

    Raises:
        zmq.ZMQError: EHOSTUNREACH when the peer is gone, `zmq.Again` when its queue is full.
    """
    router.send(route, _MORE)
    for frame in frames[:-1]:
        router.send(frame, _MORE)
    router.send(frames[-1], _LAST)
