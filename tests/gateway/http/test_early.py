"""Recordings that are heard while their upload arrives, by workers that echo."""

from __future__ import annotations

import hashlib
import socket
import struct

import pytest
from hushd import Client
from support.http_gateway import HttpGateway
from support.peer import wait_until

from .test_bodies import END, answer, head, part

MODEL, FILE = part("model", b"whisper-1"), part("file", b"", "a.wav")[:-2]


def _busy(client: Client) -> bool:
    return any(worker.running for worker in client.status().workers)


def _begun(connection: socket.socket, client: Client, size: int, start: bytes) -> bytes:
    """Sends a form's beginning, and a little of its file again and again until a worker has it; returns the file."""
    connection.sendall(head(size) + start)
    sent = bytearray()

    def more() -> bool:
        connection.sendall(b"RIFF" * 8)
        sent.extend(b"RIFF" * 8)
        return _busy(client)

    wait_until(more, "the early request")
    return bytes(sent)


@pytest.mark.parametrize("behind", [b"", part("language", b"en"), part("stream", b"true")])
def test_a_worker_hears_what_has_come(echo: HttpGateway, behind: bytes) -> None:
    """It works before the last byte; the answer is of the whole file and the whole form, whose last fields count."""
    with echo.connect() as connection, Client() as client:
        end = b"\r\n" + behind + END
        size = 100_000
        sent = _begun(connection, client, size, MODEL + FILE)
        rest = bytes(size - len(MODEL + FILE) - len(sent) - len(end))
        connection.sendall(rest + end)
        status, body = answer(connection)
        assert status == 200, body
        assert hashlib.sha256(sent + rest).hexdigest() in body.decode()
        assert (b"transcript.text.done" in body) == (b"stream" in behind)
        wait_until(lambda: not _busy(client), "the end of an early request")


def test_an_upload_that_breaks_off_leaves_no_worker_busy(echo: HttpGateway) -> None:
    """Its request is cancelled, and its file is gone."""
    with echo.connect() as connection, Client() as client:
        _begun(connection, client, 1 << 20, MODEL + FILE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        wait_until(lambda: not _busy(client) and not echo.uploads(), "the end of the request")
