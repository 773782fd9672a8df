"""Tests of HTTP connections that were handed over: those that send a byte at a time."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import resource
import socket
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import pytest
from hushd_gateway import patience, slots
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


class Standing(asyncio.SelectorEventLoop):
    """A loop in whose process time passes by leaps: it was stopped meanwhile."""

    leapt = 0.0

    def time(self) -> float:
        return super().time() + self.leapt


@pytest.mark.parametrize("place", [9, len(REQUEST) + 20])
def test_half_of_a_request_outlives_a_standstill(place: int) -> None:
    """Of its head or its body: the program stood still too, with the whole machine, and goes on where it was."""
    request = REQUEST.replace(b"GET", b"POST")[:-2] + b"Content-Length: 10\r\n\r\nhellohello"

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Standing)
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", request[:place])
        serving = asyncio.create_task(http_server.HttpServer(reads).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S * 3600):
            for _ in range(100):  # until it waits for the rest
                await asyncio.sleep(0)
            for _ in range(patience.STEPS - 1):
                loop.leapt += 3600.0
                for _ in range(100):
                    await asyncio.sleep(0)
            writer.write(request[place:])
            answer = await reader.readuntil(b"hello")
            writer.close()
            await serving
        accepted.close()
        return answer

    with asyncio.Runner(loop_factory=Standing) as runner:
        assert runner.run(run()).startswith(b"HTTP/1.1 200 ")


def test_a_connection_at_rest_outlives_a_standstill() -> None:
    """Its next request may be under way while the gateway stands still with the whole machine: it gets its answer
    (simulation, seed 1449 with a door)."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Standing)
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", REQUEST)
        serving = asyncio.create_task(http_server.HttpServer(hello).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S * 3600):
            for _ in range(patience.STEPS - 1):
                await reader.readuntil(b"hello")
                loop.leapt += 3600.0
                for _ in range(100):
                    await asyncio.sleep(0)
                writer.write(REQUEST)
            await reader.readuntil(b"hello")
            writer.close()
            await serving
        accepted.close()

    with asyncio.Runner(loop_factory=Standing) as runner:
        runner.run(run())


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
TEXT, PONG = b"\x81\x85\0\0\0\0hello", b"\x8a\x84\0\0\0\0"  # frames of a program, the second one's beginning
PING, CLOSE = b"\x89\x04", b"\x88"  # the beginnings of a server's


async def leap(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Standing)
    loop.leapt += seconds
    for _ in range(100):
        await asyncio.sleep(0)


@pytest.mark.parametrize("answers", [True, False])
def test_a_ping_is_for_programs_that_could_answer(answers: bool) -> None:
    """While messages are handled one by one, what comes lies unread, an answer to our ping among it: that is not held
    against the program, however long it takes. One that does not answer is ended 20 s after all was read, and not for a
    standstill. (A program that sent sound faster than it was heard lost its session after 40 s.)"""
    reads = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await reads.wait()
        for _ in range(3):
            await receive()
        await send({"type": "websocket.send", "text": "all"})
        await receive()

    async def run() -> None:
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", UPGRADE)
        serving = asyncio.create_task(http_server.HttpServer(slow).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S * 3600):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(TEXT * 2)
            await leap(21.0)
            assert await reader.readexactly(2) == PING
            ping = await reader.readexactly(4)
            writer.write((PONG + ping if answers else b"") + TEXT)
            for _ in range(50):
                await leap(10.0)
            reads.set()
            while (frame := await reader.readexactly(2)) == PING:
                ping = await reader.readexactly(4)
            assert frame + await reader.readexactly(3) == b"\x81\x03all"
            if answers:
                writer.write(PONG + ping)
            await leap(3600.0)
            for _ in range(patience.STEPS):
                await leap(state.PONG_S / patience.STEPS + 0.1)
            assert await reader.readexactly(1) == (PING[:1] if answers else CLOSE)
            writer.close()
            await serving
        accepted.close()

    with asyncio.Runner(loop_factory=Standing) as runner:
        runner.run(run())


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


def test_a_session_that_a_leaving_gateway_has_not_begun_is_to_be_asked_for_again() -> None:
    """An upgrade that nobody has answered yet is refused with a 503, the seconds after which to come again, and a
    sentence."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    upgrade = REQUEST[:-2] + upgrade + b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    head, body = asyncio.run(_ask(http_server.HttpServer(waits), upgrade, leave=True))
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head.lower()
    assert body["error"]["type"] == "server_error"


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


async def says(scope: Any, receive: Any, send: Any) -> None:
    body = json.dumps([scope["scheme"], scope["client"][0]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def test_nobody_says_for_another_where_a_request_comes_from() -> None:
    """A program on this machine may send the headers of a proxy: they change neither its address nor its scheme."""

    async def run() -> bytes:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            program = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        accepted.setblocking(False)
        request = REQUEST[:-2] + b"Connection: close\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n"
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", request)
        serving = asyncio.create_task(http_server.HttpServer(says).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S):
            answer = await reader.read()
            writer.close()
            await serving
        accepted.close()
        return answer

    head, _, body = asyncio.run(run()).partition(b"\r\n\r\n")
    assert b'["http", "127.0.0.1"]' in body
    assert b"\r\nserver:" not in head.lower()  # nor is it told by what it is served


async def accepts(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


def test_a_session_is_not_compressed() -> None:
    """A kilobyte would become a megabyte: the extension that a program offers is not taken."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"

    async def run() -> bytes:
        program, accepted = socket.socketpair()
        handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", REQUEST[:-2] + upgrade)
        serving = asyncio.create_task(http_server.HttpServer(accepts).serve(accepted, handover))
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await serving
        accepted.close()
        return head

    head = asyncio.run(run())
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"deflate" not in head.lower()


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


@pytest.mark.parametrize(("path", "status"), [("/v1/no/such", 404), ("/v1/models", 405), ("/v1/audio/speech", 413)])
def test_a_body_that_nobody_reads_costs_its_sender_no_answer(path: str, status: int) -> None:
    """A program that sends a large recording before it reads, such as Python's urllib, reads why it was refused."""
    app, size = create_app(None, Settings()), 20_000_000  # type: ignore[arg-type]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"

    def send(program: socket.socket) -> bytes:
        with program:
            program.sendall(head.encode() + bytes(size))
            return b"".join(iter(lambda: program.recv(65536), b""))

    async def run() -> bytes:
        program, accepted = socket.socketpair()
        program.settimeout(BOUND_S)
        with accepted:
            handover = Handover("http", "127.0.0.1:8000", "127.0.0.1", b"")
            serving = asyncio.create_task(http_server.HttpServer(app).serve(accepted, handover))
            answer = await asyncio.to_thread(send, program)
            await serving
        return answer

    assert asyncio.run(run()).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_body_without_an_end_is_read_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an answer that did not need it: then the connection is closed, and its sender may try again."""
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0.2)

    async def run() -> bytes:
        program, accepted = socket.socketpair()
        serving = asyncio.create_task(
            http_server.HttpServer(hello).serve(accepted, Handover("http", "127.0.0.1:8000", "127.0.0.1", FORM % b"b"))
        )
        reader, writer = await asyncio.open_connection(sock=program)
        async with asyncio.timeout(BOUND_S):
            received = await reader.read()
            while not serving.done():
                writer.write(bytes(1000))
                await asyncio.sleep(0)
        writer.close()
        accepted.close()
        return received

    assert asyncio.run(run()).endswith(b"hello")


def test_a_form_without_a_boundary_that_can_be_is_damaged() -> None:
    """One that is longer than any may be is the sender's error."""
    app = create_app(None, Settings())  # type: ignore[arg-type]
    head, answer = asyncio.run(_ask(http_server.HttpServer(app), FORM % (b"b" * 300) + bytes(100)))
    assert head.startswith(b"HTTP/1.1 400 ")
    assert "damaged" in answer["error"]["message"]


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


def test_a_form_ends_whatever_its_file_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An answer that is ready is not lost because the recording can be neither removed nor closed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Form() as form:
        form.open().close()
        os.close(form._lock)
        assert form.path
        form.path.unlink()
        form.path.mkdir()


def test_an_upload_without_descriptors_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the file nor its descriptor stays where there is none for the lock."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"), Form() as form:
            form.open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert list(tmp_path.iterdir()) == []
    again = os.open(os.devnull, os.O_RDONLY)
    os.close(again)
    assert again == lowest
