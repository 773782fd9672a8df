"""A `ProxyCommand` for ssh that delays each byte by a given time: `slow_link.py HOST PORT SECONDS`."""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable


def delay(read: Callable[[], bytes], write: Callable[[bytes], object], seconds: float) -> threading.Thread:
    """Passes on each piece that is read, `seconds` later, until the end; returns the thread that does."""
    pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def gather() -> None:
        piece = b"."
        while piece:
            piece = read()
            pieces.put((time.monotonic() + seconds, piece))

    def pass_on() -> None:
        while True:
            due, piece = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                return
            write(piece)

    threading.Thread(target=gather, daemon=True).start()
    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    return thread


def main() -> None:
    host, port, seconds = sys.argv[1:]
    with socket.create_connection((host, int(port))) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        delay(lambda: os.read(0, 65536), server.sendall, float(seconds))
        delay(lambda: server.recv(65536), lambda piece: os.write(1, piece), float(seconds)).join()


if __name__ == "__main__":
    main()
