"""`python -m hushd_gateway --channel N KIND=DESCRIPTOR=ADDRESS…`: accepts from these listening sockets, and serves.

Only the supervisor's door starts it. The modules for HTTP or Wyoming are imported with the first connection of that
kind.

It leaves when it has had nothing to do for a while, or at the end of the channel. First it stops accepting and says so
by a byte, upon which the supervisor polls the listening sockets again; then it finishes what it has. So nobody is lost:
whoever connected before is served here, and whoever connects later by the next gateway.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from hushd import AsyncClient
from hushd_protocol.errors import HushdError
from hushd_protocol.system import seccomp, uploads
from hushd_protocol.system.lifeline import arm
from hushd_protocol.system.own_modules import guard
from hushd_protocol.system.paths import find
from hushd_schema.settings import HTTP_TOKEN

from . import log
from .configuration import Configuration
from .listening import Activity, DoorServer, Listener

IDLE_S = 60.0  # seconds without a request, after which it leaves; tests name another time in HUSHD_GATEWAY_IDLE
FIRST_BYTES_TIMEOUT_S = 0.2  # seconds for the first bytes of a connection that was accepted last
UNREAD_BYTES = 128 * 1024  # bytes of an answer that the kernel keeps for a program that does not read


def main(arguments: list[str]) -> int:
    """Serves until there was nothing to do for a while; returns the exit status."""
    if len(arguments) < 2 or arguments[0] != "--channel":
        print("usage: python -m hushd_gateway --channel N KIND=N=ADDRESS…, which the supervisor alone runs")
        return 2
    if lifeline := os.environ.pop("HUSHD_LIFELINE", ""):
        arm(int(lifeline), int(os.environ.pop("HUSHD_SUPERVISOR")))
    token = os.environ.pop(HTTP_TOKEN, "")
    channel = socket.socket(fileno=int(arguments[1]))
    listeners = [_listener(word) for word in arguments[2:]]
    uploads.settle()
    paths = find()
    try:
        configuration = Configuration(paths.config, token)
    except HushdError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    log.take_over(paths.logs / "gateway.log")
    if os.environ.get("HUSHD_CONFINE") != "off" and seccomp.available():
        # Unix sockets alone: the supervisor's, once and after it has hung up. Landlock would hide the names of callers.
        seccomp.restrict((socket.AF_UNIX,), connecting=True, serving=True, rights=True)
    asyncio.run(Gateway(configuration, channel).run(listeners))
    sys.stderr.flush()
    return 0


def _listener(word: str) -> Listener:
    kind, descriptor, address = word.split("=", 2)
    listener = socket.socket(fileno=int(descriptor))
    # Each connection that it accepts has this limit.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
    return Listener(kind, listener, address)


class Gateway:
    """The two servers, and the client that they share."""

    def __init__(self, configuration: Configuration, channel: socket.socket) -> None:
        self._configuration = configuration
        self._channel = channel

    async def run(self, listeners: Sequence[Listener]) -> None:
        """Serves until it is not needed any more."""
        loop = asyncio.get_running_loop()
        activity, dismissed, servers = Activity(), asyncio.Event(), dict[str, DoorServer]()
        loop.add_reader(self._channel, dismissed.set)
        async with AsyncClient(holder="gateway", start=False) as client, asyncio.TaskGroup() as tasks:

            async def start(kind: str, make: Make) -> None:
                """Starts a server with the first connection to one of its listeners."""
                of_kind = [listener for listener in listeners if listener.kind == kind]
                await _connected([listener.socket for listener in of_kind])
                with activity:
                    servers[kind] = make(client, self._configuration, activity)
                    await servers[kind].start(of_kind)

            starting = {kind: tasks.create_task(start(kind, make)) for kind, make in SERVERS.items()}
            await _first(activity.until_idle(float(os.environ.get("HUSHD_GATEWAY_IDLE", IDLE_S))), dismissed.wait())
            for kind, task in starting.items():
                if kind not in servers:
                    task.cancel()
            await asyncio.wait(starting.values())
            for server in servers.values():
                server.stop_accepting()
            loop.remove_reader(self._channel)
            with suppress(OSError):  # the supervisor has closed its end
                self._channel.send(b".")
            await asyncio.sleep(FIRST_BYTES_TIMEOUT_S)
            await asyncio.gather(*(server.end() for server in servers.values()))


async def _connected(listeners: Sequence[socket.socket]) -> None:
    """Returns once a program has connected to one of them."""
    loop, connected = asyncio.get_running_loop(), asyncio.Event()
    for listener in listeners:
        loop.add_reader(listener, connected.set)
    try:
        await connected.wait()
    finally:
        for listener in listeners:
            loop.remove_reader(listener)


async def _first(*work: Awaitable[Any]) -> None:
    """Returns once the first of these has ended, and cancels the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


Make = Callable[[AsyncClient, Configuration, Activity], DoorServer]
SERVERS: dict[str, Make] = {  # each imported with its first connection
    "http": lambda *parts: import_module("hushd_gateway.http.server").HttpServer(*parts),
    "wyoming": lambda *parts: import_module("hushd_gateway.wyoming.listening").WyomingServer(*parts),
}

if __name__ == "__main__":
    guard()
    sys.exit(main(sys.argv[1:]))
