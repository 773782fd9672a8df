"""Tests of HTTP connections that were handed over: those that send a byte at a time."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import socket
import time
from pathlib import Path
from typing import IO, Any

import pytest
from hushd_gateway import slots
from hushd_gateway.http import body as bodies
from hushd_gateway.http import create_app
from hushd_gateway.http.body import Form, pieces
from hushd_gateway.http.security import Authorisation
from hushd_gateway.slots import Slot
from hushd_gateway.uvicorn_internals import http_server, state
from hushd_protocol.system.handover import Handover
from hushd_schema.settings import Settings
from starlette.requests import Request

BOUND_S = 30.0
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def _drip(program: socket.socket) -> bytes:
    """Sends a head without an end, a byte at a time, until the connection is closed; returns the bytes received."""
    reader, writer = await asyncio.open_connection(sock=program)

    async def send() -> None:
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    received = b""
    try:
        async with asyncio.timeout(BOUND_S):
            while piece := await reader.read(1000):
                received += piece
    except ConnectionError:
        pass
    finally:
        sending.cancel()
        writer.close()
    return received


@pytest.mark.parametrize("prefix", [b"", REQUEST])
def test_a_head_that_does_not_end_is_dropped(monkeypatch: pytest.MonkeyPatch, prefix: bytes) -> None:
    """The first one of a connection, and one after an answer: bytes that come do not keep the connection."""
    monkeypatch.setattr(http_server, "HEAD_S", 0.1)
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0.1)

    async def run() -> None:
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", prefix)
        serving = asyncio.create_task(http_server.HttpServer(hello).serve(accepted, handover))
        received = await _drip(program)
        assert received.count(b"hello") == (1 if prefix else 0)
        await serving
        accepted.close()

    asyncio.run(run())


async def long(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000):
        await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})


def test_a_program_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer waits for a while, and then its connection is broken off; what waited is not kept."""
    monkeypatch.setattr(state, "SEND_S", 0.2)

    async def run() -> None:
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", REQUEST)
        serving = asyncio.create_task(http_server.HttpServer(long).serve(accepted, handover))
        async with asyncio.timeout(BOUND_S):
            await serving
        program.close()
        accepted.close()

    asyncio.run(run())


def test_a_head_has_a_size() -> None:
    """One that does not end within 64 KB is refused, however fast it comes."""

    async def run() -> bytes:
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", REQUEST[:-2] + b"X: " + b"x" * 70_000)
        serving = asyncio.create_task(http_server.HttpServer(hello).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S):
            answer = await reader.read()
            writer.close()
            await serving
        accepted.close()
        return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 400 ")


async def reads(scope: Any, receive: Any, send: Any) -> None:
    async for _ in pieces(Request(scope, receive), 1000):
        pass
    await hello(scope, receive, send)


def test_a_body_that_does_not_come_gives_its_slot_up() -> None:
    """Once it is silent for long, as the gateway sees by its slot; and it works again when the rest has come."""

    async def run() -> None:
        slot = Slot()
        slots.current.set(slot)
        program, accepted = socket.socketpair()
        request = REQUEST.replace(b"GET", b"POST")[:-2] + b"Content-Length: 10\r\n\r\nhello"
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", request)
        serving = asyncio.create_task(http_server.HttpServer(reads).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S):
            while not slot.rests(time.monotonic() + slots.SILENT_S):
                await asyncio.sleep(0)
            assert not slot.rests(time.monotonic())
            writer.write(b"hello")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            assert slot.rests(time.monotonic())  # until its next request
            writer.close()
            await serving
        accepted.close()

    asyncio.run(run())


async def _ask(server: http_server.HttpServer, request: bytes, *, leave: bool = False) -> tuple[bytes, Any]:
    """Sends a request, after which the server may leave; returns the head of the answer, and its JSON."""
    program, accepted = socket.socketpair()
    handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", request)
    serving = asyncio.create_task(server.serve(accepted, handover))
    reader, writer = await asyncio.open_connection(sock=program)
    async with asyncio.timeout(BOUND_S):
        if leave:
            while not server._state.connections:
                await asyncio.sleep(0)
            server.leave()
            await asyncio.sleep(0)  # in which the application begins
            await server.end()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await serving
    accepted.close()
    return head, json.loads(body)


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_an_error_of_the_system_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Not only a program that has left brings about an OSError: the others get an error in OpenAI's form, and the log
    its place."""
    server = http_server.HttpServer(Authorisation(fails, (), (), ""))
    head, body = asyncio.run(_ask(server, REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))
    assert head.startswith(b"HTTP/1.1 500 ")
    assert body["error"]["code"] == "internal_error"
    assert "OSError at test_http_server.py" in capsys.readouterr().err


async def waits(scope: Any, receive: Any, send: Any) -> None:
    while "disconnect" not in (await receive())["type"]:
        pass


def test_a_request_that_a_leaving_gateway_cannot_finish_is_to_be_sent_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Once it waits no longer, a request without an answer gets a 503 and the seconds after which to come again, and
    the log no traceback."""
    server = http_server.HttpServer(Authorisation(waits, (), (), ""))
    head, body = asyncio.run(_ask(server, REQUEST, leave=True))
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head.lower()
    assert body["error"]["code"] == "shutting_down"
    assert "Traceback" not in capfd.readouterr().err


def test_a_program_that_leaves_is_noticed() -> None:
    """A request whose program has gone ends, and nothing of its connection is kept."""

    async def run() -> None:
        server = http_server.HttpServer(waits)
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", REQUEST)
        serving = asyncio.create_task(server.serve(accepted, handover))
        async with asyncio.timeout(BOUND_S):
            while not server._state.tasks:
                await asyncio.sleep(0)
            program.close()
            await serving
            while server._state.tasks:
                await asyncio.sleep(0)
        assert not server._state.connections
        accepted.close()

    asyncio.run(run())


def test_a_connection_that_rested_works_with_its_next_request() -> None:
    """Nobody else gets its slot in the middle of the second request."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def second_waits(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/second":
            begun.set()
            await go_on.wait()
        await hello(scope, receive, send)

    async def run() -> None:
        slot = Slot()
        slots.current.set(slot)
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", REQUEST)
        serving = asyncio.create_task(http_server.HttpServer(second_waits).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S):
            await reader.readuntil(b"hello")
            writer.write(REQUEST.replace(b"/ ", b"/second ", 1))
            await begun.wait()
            assert not slot.rests(time.monotonic() + 3600)
            go_on.set()
            await reader.readuntil(b"hello")
            writer.close()
            await serving
        accepted.close()

    asyncio.run(run())


FORM = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n"
    b"Content-Type: multipart/form-data; boundary=%s\r\n\r\n"
)


def test_a_body_that_does_not_come_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that sends half of its form and then nothing is told to send it again."""
    monkeypatch.setattr(bodies, "SILENT_S", 0.01)
    app = create_app(None, Settings())  # type: ignore[arg-type]
    head, answer = asyncio.run(_ask(http_server.HttpServer(app), FORM % b"b" + b"--b\r\n"))
    assert head.startswith(b"HTTP/1.1 408 ")
    assert answer["error"]["code"] == "timeout"


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
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF' + end
    request = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n%s" % (len(body), body)
    )
    app = create_app(None, Settings())  # type: ignore[arg-type]
    head, answer = asyncio.run(_ask(http_server.HttpServer(app), request))
    assert head.split()[1] == (b"507" if end else b"400"), answer
    assert answer["error"]["message"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_recording_without_a_descriptor_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """It needs no room: a 503 with the seconds after which to come again, and a sentence without the folder."""

    def refuses(form: Form) -> IO[bytes]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Form, "open", refuses)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    request = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n%s" % (len(body), body)
    )
    app = create_app(None, Settings())  # type: ignore[arg-type]
    head, answer = asyncio.run(_ask(http_server.HttpServer(app), request))
    assert head.split()[1] == b"503"
    assert b"retry-after: " in head.lower()
    assert (answer["error"]["code"], "room" in answer["error"]["message"]) == ("server_busy", False)
