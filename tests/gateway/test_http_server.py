"""Tests of HTTP connections that were handed over: those that send a byte at a time."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from hushd_gateway import slots
from hushd_gateway.http.body import pieces
from hushd_gateway.slots import Slot
from hushd_gateway.uvicorn_internals import http_server, state
from hushd_protocol.system.handover import Handover
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
        slots.mine.set(slot)
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
