"""Tests of HTTP as uvicorn serves it with hushd's middleware: limits, and requests that fail halfway."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any
from unittest.mock import MagicMock

import pytest
from hushd import AsyncClient
from hushd_gateway import callers
from hushd_gateway.__main__ import UNREAD_BYTES
from hushd_gateway.http import body as bodies
from hushd_gateway.http import create_app, security, server
from hushd_gateway.http.body import Form
from hushd_gateway.http.security import Authorisation
from hushd_gateway.http.server import HttpServer
from hushd_gateway.listening import Listener
from hushd_schema.settings import Settings
from wsproto.events import Ping

BOUND_S = 30.0
PING = 9
UPGRADE = (
    b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def frame(opcode: int, data: bytes) -> bytes:
    """A frame of a WebSocket, as a program makes it by hand."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + data


@asynccontextmanager
async def serving(app: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port at which the gateway's server serves an application."""
    monkeypatch.setattr(server, "create_app", lambda *_, **__: app)
    configuration: Any = SimpleNamespace(settings=Settings(), token="", refresh=lambda: False)
    made = HttpServer(None, configuration, nullcontext())  # type: ignore[arg-type]
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
    port = listener.getsockname()[1]
    await made.start([Listener("http", listener, f"127.0.0.1:{port}")])
    try:
        yield port
    finally:
        made.stop_accepting()
        await made.end()


def ask(app: Any, request: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """All that an application answers to these bytes."""

    async def run() -> bytes:
        async with asyncio.timeout(BOUND_S), serving(app, monkeypatch) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
        return answer

    return asyncio.run(run())


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def attentive(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await hello(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass


async def long(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000):
        await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})


@pytest.mark.parametrize(("request_bytes", "status"), [
    (b"\0\1\2\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (REQUEST.replace(b"Host", b"Content-Length"), 400),
    (REQUEST.replace(b"/ ", "/é ".encode()), 400), (UPGRADE.replace(b"Key", b"K"), 400),
    (UPGRADE.replace(b" 13", b" 8"), 426), (UPGRADE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"abc"), 400),
    (UPGRADE.replace(b"GET", b"POST"), 400),
    (UPGRADE[:-2] + "Sec-WebSocket-Protocol: é\r\n\r\n".encode(), 400),
    (UPGRADE[:-2] + b"Sec-WebSocket-Extensions: \xff;=\r\n\r\n", 400), (UPGRADE.replace(b"/v1/realtime", b"/v2"), 404),
])  # fmt: skip
def test_a_request_that_cannot_be_read_is_refused_in_the_form_of_the_api(
    request_bytes: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever refuses it: an upgrade with letters that no head has ended without an answer."""
    monkeypatch.setattr(callers, "is_ours", lambda *_: True)
    head, _, body = ask(create_app(None, Settings()), request_bytes, monkeypatch).partition(b"\r\n\r\n")  # type: ignore[arg-type]
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert (status == 426) == (b"sec-websocket-version: 13" in head.lower())


async def test_a_program_that_does_not_read_ends_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer waits for a while, and then no more is made of it."""
    monkeypatch.setattr(security, "SEND_TIMEOUT_S", 0.2)
    ended = asyncio.Event()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        try:
            await long(scope, receive, send)
        finally:
            ended.set()

    app = Authorisation(watched, (), (), "")
    async with asyncio.timeout(BOUND_S), serving(app, monkeypatch) as port:
        program = socket.create_connection(("127.0.0.1", port))
        program.sendall(REQUEST)
        await ended.wait()
        program.close()


@pytest.mark.parametrize("size", [33_000, 400_000])
def test_a_head_has_a_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """One that does not end within 32 KB is refused, however fast it comes; the unread bytes reset no connection."""
    answer = ask(hello, REQUEST[:-2] + b"X: " + b"x" * size, monkeypatch)
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("size", [bodies.JSON + 1, 8 * bodies.JSON])
@pytest.mark.parametrize("sized", [True, False])
def test_a_body_has_a_size(monkeypatch: pytest.MonkeyPatch, size: int, sized: bool) -> None:
    """A program that sends all of one that is too large before it reads gets the answer, also at a connection's end."""
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += (b"Content-Length: %d\r\n\r\n" if sized else b"Transfer-Encoding: chunked\r\n\r\n%x\r\n") % size

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        app = create_app(AsyncClient(start=False), Settings())
        async with asyncio.timeout(BOUND_S), serving(app, monkeypatch) as port:
            with socket.socket() as program:
                program.setblocking(False)
                await loop.sock_connect(program, ("127.0.0.1", port))
                await loop.sock_sendall(program, head + b" " * size)
                answer = b""
                while piece := await loop.sock_recv(program, 10_000):
                    answer += piece
                return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(("sent", "code"), [
    (b"\x81\x02hi", 1002), (frame(3, b"hi"), 1002), (frame(PING, bytes(200)), 1002), (frame(8, b"\3"), 1002),
    (frame(1, b"\xff"), 1007), (frame(1, bytes(2000)), 1009), (frame(8, b"\3\xe8"), 1000),
])  # fmt: skip
async def test_a_program_is_told_why_its_frame_ends_the_session(
    sent: bytes, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends with a Close frame that has RFC 6455's code for it."""
    monkeypatch.setattr(server, "MESSAGE", 1000)
    async with asyncio.timeout(BOUND_S), serving(attentive, monkeypatch) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        answer = await reader.read()
        writer.close()
    assert answer[:1] == b"\x88"
    assert int.from_bytes(answer[2:4], "big") == code


async def test_pongs_that_nobody_reads_are_not_kept() -> None:
    """Of a program that sends pings and reads nothing no more is kept than fits into its buffers."""
    protocol, ping = server.WebSocketProtocol.__new__(server.WebSocketProtocol), Ping()
    protocol.writable, protocol.transport, protocol.conn = asyncio.Event(), MagicMock(), MagicMock()
    for is_writable in (False, True):
        if is_writable:
            protocol.writable.set()
        protocol.handle_ping(ping)
        assert protocol.transport.write.called == is_writable


async def test_no_message_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compression is offered and not taken: 250 kB would become 240 MB."""
    offer = UPGRADE[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    async with asyncio.timeout(BOUND_S), serving(attentive, monkeypatch) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(offer)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert b" 101 " in head
    assert b"permessage-deflate" not in head


async def test_connections_have_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it a request gets a 503, and silent connections are what counts."""
    monkeypatch.setattr(server, "CONNECTIONS", 3)
    async with asyncio.timeout(BOUND_S), serving(hello, monkeypatch) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        for status in (b"503", b"200"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            assert (await reader.read()).split()[1] == status
            writer.close()
            silent.pop().close()
            await asyncio.sleep(0.1)
        silent.clear()


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_an_error_of_the_system_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that has left is not alone in bringing about an OSError: the others get an error in OpenAI's form, and
    the log its place."""
    head, _, body = ask(Authorisation(fails, (), (), ""), REQUEST, monkeypatch).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert json.loads(body)["error"]["code"] == "internal_error"
    assert "OSError at test_http_server.py" in capsys.readouterr().err


FORM = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'


def send_form(body: bytes, length: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, bytes, Any]:
    """The status, the head and the JSON of the answer to a form."""
    app = create_app(AsyncClient(start=False), Settings())
    head, _, answer = ask(app, FORM % length + body, monkeypatch).partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), json.loads(answer)


def test_a_body_that_does_not_come_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that sends half of its form and then nothing is told to send it again."""
    monkeypatch.setattr(bodies, "BODY_SILENCE_S", 0.01)
    status, _, answer = send_form(b"--b\r\n", 100, monkeypatch)
    assert (status, answer["error"]["code"]) == (408, "timeout")


class _Full(io.FileIO):
    """A file on a server, which reports only at its end that there was no room."""

    def close(self) -> None:
        closed = self.closed
        super().close()
        if not closed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("end", [b"\r\n--b--\r\n", b""], ids=["whole", "broken off"])
def test_a_recording_without_room_is_an_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: bytes) -> None:
    """An upload whose file is full as it is closed gets a 507, and one that is damaged besides a 400."""
    monkeypatch.setattr(Form, "open", lambda form: _Full(tmp_path / "upload", "w"))
    status, _, answer = send_form(PART + end, len(PART + end), monkeypatch)
    assert status == (507 if end else 400), answer
    assert answer["error"]["message"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_recording_without_a_descriptor_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """It needs no room: a 503 with the seconds after which to come again, and a sentence without the folder."""

    def refuses(form: Form) -> IO[bytes]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Form, "open", refuses)
    status, head, answer = send_form(PART + b"\r\n--b--\r\n", len(PART) + 9, monkeypatch)
    assert status == 503
    assert b"retry-after: " in head
    assert (answer["error"]["code"], "room" in answer["error"]["message"]) == ("server_busy", False)
