"""Accepts connections of Wyoming, and notices when their programs leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from hushd_schema.settings import Settings
from hushd_schema.settings.access import networks

from hushd_gateway import callers, log
from hushd_gateway.callers import Address, CallerClient

from .server import serve_connection

if TYPE_CHECKING:
    from hushd import AsyncClient

    from hushd_gateway.configuration import Configuration
    from hushd_gateway.listening import Listener

CONNECTIONS = 512  # connections at once; further ones are closed
FLUSH_S = 5.0  # seconds for a program that does not read its last answer, or keeps sending after it
LAST_ANSWERS_TIMEOUT_S = 2.0  # seconds for the last answers, once the supervisor has ended

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class WyomingServer:
    """Serves all listeners of Wyoming; see `listening.DoorServer`."""

    def __init__(
        self, client: AsyncClient, configuration: Configuration, activity: AbstractContextManager[None]
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._activity = activity
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listeners: Sequence[Listener]) -> None:
        loop = asyncio.get_running_loop()
        for listener in listeners:
            accept = partial(WyomingConnection, self._accepted)
            self._servers.append(await loop.create_server(accept, sock=listener.socket))

    def stop_accepting(self) -> None:
        for server in self._servers:
            server.close()

    async def end(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_ANSWERS_TIMEOUT_S)

    def _accepted(self, connection: WyomingConnection) -> None:
        self._configuration.refresh()
        settings = self._configuration.settings
        if len(self._tasks) >= CONNECTIONS or not _allows(settings, connection.peer, connection.here):
            connection.writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(connection, settings))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: WyomingConnection, settings: Settings) -> None:
        with self._activity:
            try:
                client = CallerClient.of(self._client, connection.peer, connection.here)
                await connection.serve(partial(serve_connection, client=client, settings=settings))
            except OSError:
                pass  # the program has left
            except Exception as error:
                log.report(error, "a connection of Wyoming")


class WyomingConnection(asyncio.StreamReaderProtocol):
    """One connection; notices that its program has disconnected, even while no coroutine reads."""

    writer: asyncio.StreamWriter

    def __init__(self, made: Callable[[WyomingConnection], None]) -> None:
        self._reader = asyncio.StreamReader()
        super().__init__(self._reader)
        self._made = made
        self._left = asyncio.Event()
        self.peer: Address | None = None
        self.here: Address | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.WriteTransport)
        self.writer = _Writer(transport, self, self._reader, asyncio.get_running_loop())
        names = map(transport.get_extra_info, ("peername", "sockname"))
        self.peer, self.here = (name[:2] if isinstance(name, tuple) else None for name in names)
        self._made(self)

    def eof_received(self) -> bool | None:
        self._left.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left.set()
        super().connection_lost(exc)

    async def serve(self, serve: Streams) -> None:
        """Serves by `serve`, which is cancelled when the program disconnects; then closes the connection.

        Data after the last answer is read and dropped: unread bytes would discard the answer, and a program that still
        sends would see a broken connection instead.
        """
        try:
            await self._until_left(asyncio.ensure_future(serve(self._reader, self.writer)))
            if not self._left.is_set():
                await self._pass_over()
        finally:
            self.writer.close()
            try:
                async with asyncio.timeout(FLUSH_S):
                    await self.writer.wait_closed()
            except (OSError, TimeoutError):
                self.writer.transport.abort()

    async def _until_left(self, work: asyncio.Future[None]) -> None:
        watch = asyncio.ensure_future(self._left.wait())
        either: set[asyncio.Future[Any]] = {work, watch}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            work.cancel()
            await asyncio.wait({work})
        if not work.cancelled():
            work.result()

    async def _pass_over(self) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                self.writer.write_eof()
                while await self._reader.read(65536):
                    pass


class _Writer(asyncio.StreamWriter):
    """Joins lines before it writes them.

    From Python 3.12 on a transport's own `writelines` writes even to a lost connection, and has the loop watch its
    descriptor, which may belong to another connection by now: that one then gets no events and never ends.
    """

    def writelines(self, data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(data))


def _allows(settings: Settings, peer: Address | None, here: Address | None) -> bool:
    """Returns whether a program at `peer` may use the listener: one of this user's, or one that the settings allow."""
    if callers.is_ours(peer, here) or peer is None:
        return True
    program = ip_address(peer[0].partition("%")[0])
    program = getattr(program, "ipv4_mapped", None) or program
    return any(program in network for network in networks(settings.wyoming.allow))
