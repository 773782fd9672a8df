"""The gateway's side of Wyoming in the test's own loop, as connections from the door reach it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import hushd
from hushd_gateway.streams import serve_streams
from hushd_gateway.wyoming import serve_connection
from hushd_protocol.system.handover import Handover
from hushd_schema.settings import Settings
from support.peer import BOUND_S
from wyoming.client import AsyncClient
from wyoming.event import Event

ADDRESS = "tcp://127.0.0.1:10300"  # by which the settings know the port, whatever its number is


@asynccontextmanager
async def served(settings: Settings | None = None) -> AsyncIterator[int]:
    """The port of a server on this machine, before the supervisor of the environment."""
    async with hushd.AsyncClient() as client:
        serve = partial(serve_connection, client=client, settings=settings or Settings(), listener=ADDRESS)
        tasks: set[asyncio.Task[None]] = set()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)

            async def accept() -> None:
                while True:
                    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                    task = asyncio.create_task(serve_streams(connection, Handover("wyoming", ADDRESS, "", b""), serve))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)

            accepting = asyncio.create_task(accept())
            try:
                yield listener.getsockname()[1]
            finally:
                for task in (accepting, *tasks):
                    task.cancel()
                await asyncio.gather(accepting, *tasks, return_exceptions=True)


async def until(client: AsyncClient, last: str) -> list[Event]:
    """The events up to the one of type `last`."""
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
