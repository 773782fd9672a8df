"""A gateway without hushd's servers, of the standard library alone: answers each connection with its process and kind.

small_gateway.py [--idle SECONDS] [--stay] [--die STATUS] --channel N KIND=DESCRIPTOR=ADDRESS…
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
from contextlib import suppress


def main() -> None:
    """Serves one connection after the other; one that sends `work` is answered when its program sends more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--stay", action="store_true", help="has something to finish, for ever, once it leaves")
    parser.add_argument("--die", type=int, help="at the start, with this status")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("listeners", nargs="+")
    options = parser.parse_args()
    if options.die is not None:
        sys.exit(options.die)
    channel = socket.socket(fileno=options.channel)
    listeners = {}
    for word in options.listeners:
        kind, descriptor, address = word.split("=", 2)
        listeners[socket.socket(fileno=int(descriptor))] = f"{os.getpid()} {kind} {address}"
    while True:
        ready = select.select([channel, *listeners], [], [], options.idle)[0]
        if not ready or channel in ready:
            break
        for listener in ready:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            serve(connection, listeners[listener])
    for listener in listeners:
        listener.close()
    with suppress(OSError):
        channel.send(b".")
    if options.stay:
        signal.pause()


def serve(connection: socket.socket, answer: str) -> None:
    with connection:
        connection.setblocking(True)
        if connection.recv(4) == b"work":
            connection.sendall(b"begun ")
            connection.recv(1)
        connection.sendall(answer.encode())


main()
