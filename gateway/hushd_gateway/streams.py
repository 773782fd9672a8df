"""Connections that were accepted elsewhere, served by a coroutine on streams."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from hushd_protocol.system.handover import Handover

READ = 16 * 1024  # bytes at once; asyncio reads sixteen times as many
FLUSH_S = 5.0  # for a program that does not read its last answer, or keeps sending after it

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Protocol(asyncio.StreamReaderProtocol):
    """Notices that the program has disconnected, even while no coroutine reads."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.left = asyncio.Event()

    def eof_received(self) -> bool | None:
        self.left.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.left.set()
        super().connection_lost(exc)


class _Writer(asyncio.StreamWriter):
    """Joins lines before it writes them.

    From Python 3.12 on a transport's own `writelines` writes even to a lost connection, and has the loop watch its
    descriptor, which may belong to another connection by now: that one then gets no events and never ends.
    """

    def writelines(self, data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(data))


async def serve_streams(connection: socket.socket, handover: Handover, serve: Streams) -> None:
    """Serves one connection by `serve`, then closes it; cancels `serve` when the program disconnects.

    Data after the last answer is read and dropped: unread bytes would discard the answer, and a program that still
    sends would see a broken connection instead.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    reader.feed_data(handover.prefix)
    protocol = _Protocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection)
    transport.max_size = READ  # type: ignore[attr-defined]  # of asyncio's transport for sockets
    writer = _Writer(transport, protocol, reader, loop)
    try:
        await _until_left(asyncio.ensure_future(serve(reader, writer)), protocol.left)
        if not protocol.left.is_set():
            await _pass_over(reader, writer)
    finally:
        reader._buffer.clear()  # type: ignore[attr-defined]  # which cycles of references keep until they are collected
        writer.close()
        try:
            async with asyncio.timeout(FLUSH_S):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            transport.abort()


async def _pass_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            writer.write_eof()
            while await reader.read(65536):
                pass


async def _until_left(work: asyncio.Future[None], left: asyncio.Event) -> None:
    watch = asyncio.ensure_future(left.wait())
    either: set[asyncio.Future[Any]] = {work, watch}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watch.cancel()
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()
