"""Connections that were accepted elsewhere, served by a coroutine on streams."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from hushd_protocol.system.handover import Handover

FLUSH_S = 5.0  # for a program that does not read its last answer

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve_streams(connection: socket.socket, handover: Handover, serve: Streams) -> None:
    """Has `serve` serve one connection by streams, and closes it afterwards."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    reader.feed_data(handover.prefix)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        await serve(reader, writer)
    finally:
        writer.close()
        try:
            async with asyncio.timeout(FLUSH_S):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            transport.abort()
