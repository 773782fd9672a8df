"""A latch on libzmq's listening descriptor, so that libzmq accepts one connection per call of `arm`.

libzmq accepts on its own thread, as fast as peers connect, and aborts the process when `accept` finds no free
descriptor. It sleeps in epoll, whose registrations the kernel lists (/proc/self/fdinfo) and any code of the process may
change: with EPOLLONESHOT the listening descriptor wakes libzmq once, and not again until it is armed again.
"""

from __future__ import annotations

import os
import re
import sys
import time

_EPOLLIN, _EPOLLONESHOT, _EPOLL_CTL_MOD = 1, 1 << 30, 3
_PATIENCE_S = 0.2  # for libzmq's thread to begin to listen, which takes 0.1 ms


class Latch:
    """The registration of `descriptor` in the epoll `queue`, with the `data` that libzmq gave it."""

    def __init__(self, queue: int, descriptor: int, data: int) -> None:
        import ctypes  # 1.4 ms and 0.3 MB, only worth it when open files are few

        self._queue = queue
        self._descriptor = descriptor
        # struct epoll_event: 12 bytes on x86_64, 16 elsewhere, where the data is aligned
        padding = 0 if os.uname().machine == "x86_64" else 4
        self._data = bytes(padding) + data.to_bytes(8, sys.byteorder)
        self._epoll_ctl = ctypes.CDLL(None, use_errno=True).epoll_ctl

    def arm(self) -> None:
        """Lets libzmq accept one more connection."""
        self._change(_EPOLLIN | _EPOLLONESHOT)

    def disarm(self) -> None:
        """Stops libzmq from accepting connections."""
        self._change(_EPOLLONESHOT)

    def _change(self, events: int) -> None:
        event = events.to_bytes(4, sys.byteorder) + self._data
        self._epoll_ctl(self._queue, _EPOLL_CTL_MOD, self._descriptor, event)


def find(descriptor: int) -> Latch | None:
    """Returns the latch on a descriptor at which libzmq listens; None if the system has none, as on macOS."""
    until = time.monotonic() + (_PATIENCE_S if sys.platform == "linux" else 0.0)
    while True:
        if latch := _look(descriptor):
            return latch
        if time.monotonic() >= until:
            return None
        time.sleep(0.0001)


def _look(descriptor: int) -> Latch | None:
    line = re.compile(rb"^tfd:\s+%d events:\s+\S+ data:\s+(\S+)" % descriptor, re.MULTILINE)
    try:
        queues = [name for name in os.listdir("/proc/self/fd") if "[eventpoll]" in _target(name)]
        for queue in queues:
            with open(f"/proc/self/fdinfo/{queue}", "rb") as file:
                if match := line.search(file.read()):
                    return Latch(int(queue), descriptor, int(match[1], 16))
    except OSError:
        pass
    return None


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""  # the closed descriptor of the listing itself
