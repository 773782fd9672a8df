"""The gateway's side of Wyoming in the test's own loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import hushd
from hushd_gateway.listening import Listener
from hushd_gateway.wyoming.listening import WyomingServer
from hushd_schema.settings import Settings
from support.peer import BOUND_S
from wyoming.client import AsyncClient
from wyoming.event import Event

ADDRESS = "tcp://127.0.0.1:10300"  # by which the settings know the port, whatever its number is


@asynccontextmanager
async def served(settings: Settings | None = None) -> AsyncIterator[int]:
    """The port of a server on this machine, before the supervisor of the environment."""
    configuration: Any = SimpleNamespace(settings=settings or Settings(), refresh=lambda: False)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with hushd.AsyncClient() as client:
        server = WyomingServer(client, configuration, nullcontext())
        await server.start([Listener("wyoming", listener, ADDRESS)])
        try:
            yield port
        finally:
            server.stop_accepting()
            for task in server._tasks:
                task.cancel()
            await server.end()


async def until(client: AsyncClient, last: str) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(2 * BOUND_S):
        while not events or events[-1].type != last:
            event = await client.read_event()
            assert event is not None, [each.type for each in events]
            assert event.type != "error" or last == "error", event.data
            events.append(event)
    return events


async def ended(client: AsyncClient) -> bool:
    """Returns whether the server ends the connection, rather than sending anything more."""
    async with asyncio.timeout(BOUND_S):
        return await client.read_event() is None
