"""`/mcp` between a client and the process for agents: what each is told, with a process of the test at its socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hushd_gateway.http import agents, create_app
from hushd_protocol.system import paths
from hushd_schema.settings import HttpSettings, Settings
from support.peer import BOUND_S

if find_spec("mcp") is None:
    pytest.skip("the extra mcp is not installed", allow_module_level=True)

import httpx2  # comes with the SDK

pytestmark = pytest.mark.usefixtures("runtime")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmcp-session-id: a\r\nserver: other\r\ncontent-length: 2"


class Process:
    """The process for agents: answers every request alike, and notes what it was told."""

    def __init__(self, answer: bytes = ANSWER + b"\r\n\r\n{}") -> None:
        self._answer = answer
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        self.heads.append({name.lower(): value for name, _, value in (line.partition(": ") for line in lines)})
        assert first == "POST /mcp HTTP/1.1"
        self.bodies.append(await reader.readexactly(int(self.heads[-1]["content-length"])))
        writer.write(self._answer)
        if self._answer:
            assert await reader.read() == b"", "the gateway closes its connection"
        writer.close()
        self.left.set()


class Nobody:
    """A client of the supervisor that must not be asked."""


@asynccontextmanager
async def asking(process: Process | None, token: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the gateway on a socket in the file system, which is this user's alone."""
    app = create_app(Nobody(), Settings(http=HttpSettings()), token, own_only=True)  # type: ignore[arg-type]

    async def of_this_user(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"client": None, "server": None}, receive, send)

    server = process and await asyncio.start_unix_server(process.serve, paths.find().agents_socket)
    transport = httpx2.ASGITransport(of_this_user)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=BOUND_S) as http:
            yield http
    finally:
        if server:
            server.close()


@pytest.fixture(autouse=True)
def folder(runtime: Path) -> None:
    paths.find().runtime.mkdir(mode=0o700, exist_ok=True)


async def test_the_process_is_not_told_what_opens_the_gateway() -> None:
    """It has the session and the message; no token, no cookie, and no word of the client's on where it is."""
    process = Process()
    secret = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Api-Key": "c", "X-Hushd-Local": "yes"}
    async with asking(process, "secret") as http:
        answer = await http.post("/mcp", content=b"{}", headers=secret | {"Mcp-Session-Id": "a", "Via": "1.1 proxy"})
        assert (answer.status_code, answer.json()) == (200, {})
        head, body = process.heads[0], process.bodies[0]
        assert body == b"{}"
        assert head["mcp-session-id"] == "a"
        assert head.keys().isdisjoint({"authorization", "cookie", "x-api-key", "x-hushd-local"})
        await http.post("/mcp", content=b"{}", headers={"Authorization": "Bearer secret", "X-Hushd-Local": "0"})
        assert process.heads[1]["x-hushd-local"] == "1", "the gateway's own word"


@pytest.mark.parametrize("name", ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"])
async def test_a_request_through_a_proxy_is_not_local(name: str) -> None:
    """Any header of a proxy tells of somebody elsewhere, whose paths name no files of this machine."""
    process = Process()
    async with asking(process) as http:
        await http.post("/mcp", content=b"{}", headers={name: "for=10.0.0.1"})
    assert "x-hushd-local" not in process.heads[0]


async def test_the_client_has_the_processs_answer_and_the_connection_ends() -> None:
    """Headers of one connection alone are not passed on."""
    process = Process()
    async with asking(process) as http:
        answer = await http.post("/mcp", content=b"{}")
        assert (answer.headers["mcp-session-id"], answer.headers["content-type"]) == ("a", "application/json")
        assert "other" not in answer.headers.get_list("server")
        assert "content-length" not in answer.headers
        await asyncio.wait_for(process.left.wait(), BOUND_S)


@pytest.mark.parametrize("process", [True, False])
async def test_a_process_that_has_ended_is_asked_for_again_in_a_moment(process: bool) -> None:
    """It took the request, or was gone before: the answer is an error that says when to ask again."""
    async with asking(Process(b"") if process else None) as http:
        answer = await http.post("/mcp", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "The process for agents has ended" in answer.text


@pytest.mark.parametrize("told", [True, False])
async def test_a_message_beyond_8_mib_does_not_reach_the_process(told: bool) -> None:
    """It is refused by the length that was told, or as soon as more has come; one of that size is passed on."""
    process = Process()

    async def in_pieces(size: int) -> AsyncIterator[bytes]:
        for sent in range(0, size, 1 << 20):
            yield bytes(min(1 << 20, size - sent))

    async with asking(process) as http:
        for size, status in ((agents._MESSAGE, 200), (agents._MESSAGE + 1, 413)):
            content = bytes(size) if told else in_pieces(size)
            assert (await http.post("/mcp", content=content)).status_code == status
    assert [len(body) for body in process.bodies] == [8 * 1024 * 1024]


async def test_a_form_without_a_recording_is_refused_by_its_field() -> None:
    async with asking(None) as http:
        answer = await http.post("/mcp/files", files={"other": ("", b"words")})
    assert answer.status_code == 400
    assert json.loads(answer.text)["error"]["param"] == "file"
