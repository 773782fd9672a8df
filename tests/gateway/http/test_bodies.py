"""Uploads, slow and endless senders, and clients that leave: against the real application, with workers that echo."""

from __future__ import annotations

import hashlib
import json
import random
import socket
import struct
from collections.abc import Iterator

import psutil
import pytest
from support.http_gateway import HttpGateway
from support.peer import wait_until

BOUNDARY = "b0undary"


def part(name: str, value: bytes, filename: str = "") -> bytes:
    more = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def head(length: int, path: str = "/v1/audio/transcriptions", kind: str = "") -> bytes:
    kind = kind or f"multipart/form-data; boundary={BOUNDARY}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body; status 0 where the connection ended without an answer."""
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    first, _, body = data.partition(b"\r\n\r\n")
    return (int(first.split()[1]) if first else 0), body


def post(gateway: HttpGateway, body: bytes, **more: str) -> tuple[int, bytes]:
    with gateway.connect() as connection:
        try:
            connection.sendall(head(len(body), **more) + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer came before the end of the body
        return answer(connection)


def _pieces(size: int) -> Iterator[bytes]:
    block = random.Random(1).randbytes(1 << 20)
    for _ in range(size >> 20):
        yield block


def test_an_upload_is_as_it_was_sent_and_leaves_nothing(echo: HttpGateway) -> None:
    """Each byte of 256 MB arrives; the gateway's memory stays flat, and the spool file is gone afterwards."""
    size = 256 << 20
    start, end = part("model", b"whisper-1") + part("file", b"", "a.wav")[:-2], b"\r\n" + END
    digest = hashlib.sha256()
    post(echo, start + b"RIFF" + end)  # what is loaded once is loaded
    process = psutil.Process(echo.process.pid)
    before, most = process.memory_info().rss, 0
    with echo.connect() as connection:
        connection.sendall(head(len(start) + size + len(end)) + start)
        for piece in _pieces(size):
            digest.update(piece)
            connection.sendall(piece)
            most = max(most, process.memory_info().rss)
        connection.sendall(end)
        status, body = answer(connection)
    assert status == 200, body
    assert json.loads(body)["text"] == digest.hexdigest()
    assert most - before < 20e6
    assert echo.uploads() == []


def test_a_stream_leaves_nothing(echo: HttpGateway) -> None:
    """The file of a streamed transcription is there until the stream's end, and gone afterwards."""
    fields = part("model", b"whisper-1") + part("file", b"RIFF", "a.wav") + part("stream", b"true")
    status, body = post(echo, fields + END)
    assert status == 200
    assert hashlib.sha256(b"RIFF").hexdigest().encode() in body
    wait_until(lambda: not echo.uploads(), "the upload's removal")


@pytest.mark.parametrize("chunked", [True, False])
def test_an_upload_that_breaks_off_leaves_nothing(echo: HttpGateway, chunked: bool) -> None:
    """The file of a client that leaves in the middle is removed, and closed: four leave no more open than the first,
    by which a gateway has what it keeps."""
    body = part("file", random.Random(2).randbytes(3 << 20), "a.wav")[:-9]
    start = head(1 << 30)
    if chunked:
        start = start.replace(b"Content-Length: 1073741824", b"Transfer-Encoding: chunked")
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    opened = []
    for _ in range(4):
        connection = echo.connect()
        connection.sendall(start + body)
        wait_until(echo.uploads, "a spool file")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        wait_until(lambda: not echo.uploads(), "the end of the spool file")
        opened.append(echo.descriptors())
    wait_until(lambda: echo.descriptors() <= opened[0], "the end of their descriptors")


@pytest.mark.parametrize(("path", "meant"), [
    ("/api/ps", "GET /v1/activity"), ("/dev/captioned_speech", "timeline"), ("/nonsense", "docs/SERVING.md"),
    ("/v1/audio/speach", "did you mean /v1/audio/speech?"),
])  # fmt: skip
def test_an_unknown_path_points_to_what_is_meant(echo: HttpGateway, path: str, meant: str) -> None:
    """Other servers' paths, and slips, are answered with the path that does the same."""
    with echo.connect() as connection:
        connection.sendall(head(0, path))
        status, data = answer(connection)
    assert (status, meant in json.loads(data)["error"]["message"]) == (404, True)


def test_a_path_in_a_request_is_no_path(echo: HttpGateway) -> None:
    """A field `file` that is a path or an address is opened by nobody: its bytes are the recording."""
    for name in (b"/etc/passwd", b"http://127.0.0.1:1/x.wav", b"file:///etc/passwd"):
        for filename in ("", name.decode()):
            status, data = post(echo, part("file", name, filename) + END)
            assert status == 200
            assert json.loads(data)["text"] == hashlib.sha256(name).hexdigest()
