"""`python -m hushd_gateway --channel N`: serves the connections that the supervisor's door hands over.

Only the door starts it. The modules for HTTP or Wyoming are imported with the first connection of that kind.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hushd import AsyncClient
from hushd_protocol.errors import HushdError
from hushd_protocol.system.handover import Handover
from hushd_protocol.system.lifeline import arm
from hushd_protocol.system.own_modules import guard
from hushd_protocol.system.paths import find
from hushd_schema.settings import HTTP_TOKEN

from . import log
from .configuration import Configuration
from .handover import Receiver

if TYPE_CHECKING:
    from .uvicorn_internals.http_server import HttpServer

IDLE_S = 60.0  # without a connection, after which it leaves; tests name another time in HUSHD_GATEWAY_IDLE
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


def main(arguments: list[str]) -> int:
    """Serves until there has been no connection for a while; returns the exit status."""
    if len(arguments) != 2 or arguments[0] != "--channel" or not arguments[1].isdigit():
        print("usage: python -m hushd_gateway --channel N, which the supervisor alone runs", file=sys.stderr)
        return 2
    if lifeline := os.environ.pop("HUSHD_LIFELINE", ""):
        arm(int(lifeline), int(os.environ.pop("HUSHD_SUPERVISOR")))
    token = os.environ.pop(HTTP_TOKEN, "")
    channel = socket.socket(fileno=int(arguments[1]))
    paths = find()
    try:
        configuration = Configuration(paths.config, token)
    except HushdError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    log.take_over(configuration.settings.log_format, paths.logs / "gateway.log")
    asyncio.run(Gateway(configuration).run(channel))
    sys.stderr.flush()
    return 0


class Gateway:
    """The two servers and the client that they share."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._client: Any = None

    async def run(self, channel: socket.socket) -> None:
        """Serves the connections received through `channel`."""
        idle = float(os.environ.get("HUSHD_GATEWAY_IDLE", IDLE_S))
        servers = {"http": self._serve_http, "wyoming": self._serve_wyoming}
        async with AsyncExitStack() as stack:
            self._client = await stack.enter_async_context(AsyncClient(holder="gateway", start=False))
            await Receiver(channel, servers, idle, self._leave).run()
            if "_http" in self.__dict__:
                await self._http.end()

    def _leave(self) -> None:
        if "_http" in self.__dict__:
            self._http.leave()

    async def _serve_http(self, connection: socket.socket, handover: Handover) -> None:
        await self._http.serve(connection, handover)

    async def _serve_wyoming(self, connection: socket.socket, handover: Handover) -> None:
        from .streams import serve_streams

        serve: Callable[..., Awaitable[None]] = import_module("hushd_gateway.wyoming").serve_connection
        self._configuration.refresh()
        settings = self._configuration.settings
        waiting = AsyncClient.on(self._client.link, None)  # HTTP and Wyoming have no answer that says when to ask again
        by_streams = partial(serve, client=waiting, settings=settings, listener=handover.listener)
        await serve_streams(connection, handover, by_streams)

    @cached_property
    def _http(self) -> HttpServer:
        from .uvicorn_internals.http_server import HttpServer

        return HttpServer(CurrentApp(self._create_app, self._configuration.refresh))

    def _create_app(self) -> ASGIApp:
        settings, token = self._configuration.settings, self._configuration.token
        app: ASGIApp = import_module("hushd_gateway.http").create_app(self._client, settings, token)
        return app


class CurrentApp:
    """The ASGI application of the current configuration, looked up at each request, also on old connections."""

    def __init__(self, create: Callable[[], ASGIApp], refresh: Callable[[], bool]) -> None:
        self._create = create
        self._refresh = refresh
        self._app = create()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._refresh():
            self._app = self._create()
        await self._app(scope, receive, send)


if __name__ == "__main__":
    guard()
    sys.exit(main(sys.argv[1:]))
