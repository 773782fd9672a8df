"""The numbers by which libzmq names connections: a zero byte and 32 bits, one after the other from a first one.

A peer that comes under a number which libzmq is about to give ends the process by an assertion, and nothing sees its
name before that. So the first one must be a secret. libzmq draws it by `rand`, which starts alike in every process
unless it was seeded.
"""

from __future__ import annotations

import os

import zmq

_BYTES = 5


def hide(context: zmq.Context[zmq.Socket[bytes]]) -> bool:
    """Seeds libc's generator, from which the sockets that are made next draw their first numbers.

    Returns whether they do: two sockets after the same seed start alike only if it is our seed that decides.
    """
    import ctypes

    srand = ctypes.CDLL(None).srand
    seed = int.from_bytes(os.urandom(4))
    drawn = []
    for _ in range(2):
        srand(ctypes.c_uint(seed))
        with context.socket(zmq.ROUTER) as router:
            drawn.append(first(context, router))
    srand(ctypes.c_uint(int.from_bytes(os.urandom(4))))
    return drawn[0] == drawn[1]


def first(context: zmq.Context[zmq.Socket[bytes]], router: zmq.Socket[bytes]) -> bytes:
    """Returns the route that libzmq gives to the first connection of `router`, which is ours."""
    router.bind("inproc://first")
    with context.socket(zmq.DEALER) as peer:
        peer.connect("inproc://first")
        peer.send(b"")
        route, _ = router.recv_multipart()
    router.unbind("inproc://first")
    return bytes(route)


def is_number(route: bytes, start: bytes, count: int) -> bool:
    """Returns whether `route` is one of the `count` numbers after `start`."""
    return len(route) == _BYTES and route[0] == 0 and 0 < _distance(start, route) <= count


def is_later(route: bytes, other: bytes) -> bool:
    """Returns whether libzmq made `route` after `other`."""
    return _distance(other, route) < 2**31


def _distance(start: bytes, route: bytes) -> int:
    return (int.from_bytes(route[1:]) - int.from_bytes(start[1:])) % 2**32
