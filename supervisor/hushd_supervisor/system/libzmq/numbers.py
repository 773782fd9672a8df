"""The numbers by which libzmq names connections: a zero byte and 32 bits, counting up from a first number.

A peer that names itself by a number which libzmq is about to give ends the process by an assertion, before any code of
ours sees the name. So the first number must be secret. libzmq draws it by `rand`, which starts alike in every process
unless it is seeded.
"""

from __future__ import annotations

import os

import zmq

_BYTES = 5


def hide(context: zmq.Context[zmq.Socket[bytes]]) -> bool:
    """Seeds libc's generator, from which the next sockets draw their first numbers.

    Returns whether they do: two sockets made after the same seed start alike only if the seed decides.
    """
    import ctypes

    srand = ctypes.CDLL(None).srand
    seed = int.from_bytes(os.urandom(4))
    first_numbers = []
    for _ in range(2):
        srand(ctypes.c_uint(seed))
        with context.socket(zmq.ROUTER) as router:
            first_numbers.append(first(context, router))
    srand(ctypes.c_uint(int.from_bytes(os.urandom(4))))
    return first_numbers[0] == first_numbers[1]


def first(context: zmq.Context[zmq.Socket[bytes]], router: zmq.Socket[bytes]) -> bytes:
    """Makes the first connection to `router` and returns the route that libzmq gives it."""
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


def is_later(route: bytes, reference: bytes) -> bool:
    """Returns whether libzmq made `route` after `reference`."""
    return _distance(reference, route) < 2**31


def _distance(start: bytes, route: bytes) -> int:
    return (int.from_bytes(route[1:]) - int.from_bytes(start[1:])) % 2**32
