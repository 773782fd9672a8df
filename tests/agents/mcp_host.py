"""A host of agents: the SDK's own client, from tests that are not asynchronous."""

from __future__ import annotations

import asyncio.unix_events
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from support import warm
from support.peer import BOUND_S

if TYPE_CHECKING:  # the SDK is imported by the tests that use it, not by each process that collects them
    from anyio.from_thread import BlockingPortal
    from mcp.client import Client
    from mcp_types import CallToolResult, Tool

PROGRAM = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.hushd()", "mcp"]


class News(NamedTuple):
    progress: float
    total: float | None
    message: str | None


class Host:
    """A connected client. `news` are the progress notifications of all calls, in the order of their coming."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal = portal
        self._client = client
        self.news: list[News] = []

    @property
    def server_name(self) -> str:
        return self._client.server_info.name

    @property
    def capabilities(self) -> dict[str, Any]:
        return self._client.server_capabilities.model_dump(exclude_none=True)

    def tools(self) -> list[Tool]:
        return self._portal.call(self._client.list_tools).tools

    def begin(self, tool: str, **arguments: Any) -> Future[CallToolResult]:
        return self._portal.start_task_soon(self._call, tool, arguments)

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return self.begin(tool, **arguments).result(3 * BOUND_S)

    def data(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a call that succeeds."""
        result = self.call(tool, **arguments)
        assert not result.is_error, text(result)
        assert result.structured_content is not None
        return result.structured_content

    def error(self, tool: str, **arguments: Any) -> str:
        """The sentence of a call that fails, which is the same as text and as data."""
        result = self.call(tool, **arguments)
        assert result.is_error, text(result)
        assert result.structured_content
        assert result.structured_content["error"]["message"] == text(result)
        return text(result)

    def finish(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Polls until there is no ticket any more; returns the last answer."""
        while ticket := answer.get("ticket"):
            answer = self.data("result", ticket=ticket)
        return answer

    async def _call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        tool = f"hushd_{tool}"

        async def note(progress: float, total: float | None, message: str | None) -> None:
            self.news.append(News(progress, total, message))

        return await self._client.call_tool(tool, arguments, progress_callback=note)


def text(result: CallToolResult) -> str:
    (content,) = result.content
    assert content.type == "text"
    return content.text


@contextmanager
def serving(environment: dict[str, str], rest_s: float = 60) -> Iterator[subprocess.Popen[bytes] | None]:
    """Has the process for the calls of sessions with that environment wait for them: its imports are paid once in all
    tests, as a pipe's own start of it would not be. None where there is one."""
    from hushd_mcp.command import place
    from hushd_protocol.system import paths

    found = paths.find(environment)
    meeting = place(found, environment)
    if os.path.exists(meeting):
        yield None
        return
    found.runtime.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(meeting)
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, "-P", "-m", "hushd_mcp", str(number), meeting, str(rest_s)]
        process = warm.Popen(command, env=environment, pass_fds=[number], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(BOUND_S)
        if os.path.exists(meeting):
            os.unlink(meeting)


@contextmanager
def stdio_host(*arguments: str, environment: dict[str, str], mode: str = "auto", lists: bool = True) -> Iterator[Host]:
    """A host that has started `hushd mcp` for itself and, with `lists`, has had the list of tools, as most do.

    The server's complaints go to our standard error.
    """
    from mcp.client.stdio import StdioServerParameters, stdio_client

    environment = dict(os.environ) | environment
    parameters = StdioServerParameters(command=PROGRAM[0], args=[*PROGRAM[1:], *arguments], env=environment)
    with (
        serving(environment),
        patch.object(asyncio.unix_events, "subprocess", warm),
        _connected(stdio_client(parameters, errlog=sys.__stderr__ or sys.stderr), mode) as host,
    ):
        if lists:
            host.tools()
        yield host


@contextmanager
def http_host(url: str, mode: str = "auto", **headers: str) -> Iterator[Host]:
    """A host that knows the address of `/mcp` and sends these headers."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    @asynccontextmanager
    async def streams() -> AsyncIterator[Any]:
        client = httpx2.AsyncClient(headers=headers, timeout=BOUND_S)
        async with client, streamable_http_client(url, http_client=client) as both:
            yield both

    with _connected(streams(), mode) as host:
        yield host


@contextmanager
def _connected(server: Any, mode: str) -> Iterator[Host]:
    from anyio.from_thread import start_blocking_portal
    from mcp.client import Client

    with start_blocking_portal() as portal:
        client = Client(server, mode=mode)
        manager: AbstractContextManager[Client] = portal.wrap_async_context_manager(client)
        connected = manager.__enter__()
        try:
            yield Host(portal, connected)
        finally:
            manager.__exit__(None, None, None)  # it would wrap what a test raises in groups of groups
