"""Asks a server over HTTP/1.1, one connection a request; waits in short steps, between which a cancel is noticed.

Not `http.client`: that reads ahead, cannot be cancelled while it waits, and costs 4 MB with all that it imports.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hushd_protocol.errors import HushdError

_STEP_S = 0.1
_MAX_HEAD, _MAX_BODY = 65_536, 256_000_000  # bytes; an hour of speech is 170 MB
_MAX_REFUSAL = 20_000
_WORDS = 200  # characters of a server's own words in a message
Check = Callable[[], None]


class Hangs(Exception):
    """The server has been silent for longer than the request may take."""


class Broken(Exception):
    """The connection ended, or what came is not an answer; the message follows the server's name."""


class Line:
    """A connection, or one for each way, that waits for at most `limit_s` seconds at a time, and calls `check`
    meanwhile."""

    def __init__(
        self, connection: socket.socket, check: Check, limit_s: float, sends: socket.socket | None = None
    ) -> None:
        self._connection, self._sends, self._check, self._limit_s = connection, sends or connection, check, limit_s
        self._rest = bytearray()
        for each in (self._connection, self._sends):
            each.settimeout(_STEP_S)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._patiently(lambda view=view: self._sends.send(view)) :]  # type: ignore[misc]

    def some(self, most: int = 65_536) -> bytes:
        """Returns the next bytes; none at the end."""
        if self._rest:
            data = bytes(self._rest[:most])
            del self._rest[:most]
            return data
        return bytes(self._patiently(lambda: self._connection.recv(most)))

    def line(self) -> bytes:
        """Returns the next line without its end. Raises Broken if there is none."""
        while (end := self._rest.find(b"\n")) < 0:
            data = self._patiently(lambda: self._connection.recv(65_536))
            if not data or len(self._rest) > _MAX_HEAD:
                raise Broken("ended the connection before its answer" if not data else "sent an endless line")
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line.rstrip(b"\r")

    def exactly(self, count: int) -> Iterator[bytes]:
        """Yields the next `count` bytes. Raises Broken if fewer come."""
        while count:
            if not (data := self.some(min(count, 65_536))):
                raise Broken("ended the connection in the middle of its answer")
            count -= len(data)
            yield data

    def _patiently(self, act: Callable[[], Any]) -> Any:
        until = time.monotonic() + self._limit_s
        while True:
            try:
                return act()
            except TimeoutError:
                self._check()
                if time.monotonic() > until:
                    raise Hangs from None
            except OSError as error:
                raise Broken(f"ended the connection ({error.strerror or error})") from error


class Answer:
    """An answer whose head has come; `blocks` reads its body as it comes."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.status = 100
        while 100 <= self.status < 200:
            words = line.line().split(None, 2)
            if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
                raise Broken(f"does not speak HTTP: its answer begins with {b' '.join(words)[:40]!r}")
            self.status = int(words[1])
            self.headers = {}
            while head := line.line():
                name, _, value = head.decode("latin-1").partition(":")
                self.headers[name.strip().lower()] = value.strip()

    def blocks(self) -> Iterator[bytes]:
        """Yields the body. Raises Broken if it ends before its end."""
        taken = 0
        for data in self._body():
            taken += len(data)
            if taken > _MAX_BODY:
                raise Broken(f"sent more than {_MAX_BODY // 1_000_000} MB")
            yield data

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while size := self._chunk_size():
                yield from self._line.exactly(size)
                self._line.line()
        elif (length := self.headers.get("content-length", "")).isdigit():
            yield from self._line.exactly(int(length))
        else:
            while data := self._line.some():
                yield data

    def _chunk_size(self) -> int:
        try:
            return int(self._line.line().split(b";")[0], 16)
        except ValueError:
            raise Broken("sent a damaged answer") from None


def ask(line: Line, path: str, body: bytes | None, kind: str) -> Answer:
    """Sends a request, a GET without `body`, and returns the answer's head.

    Args:
        kind: the body's content type.

    Raises:
        Hangs, Broken: see there.
    """
    head = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    head.append("Accept: */*")
    if body is not None:
        head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    line.send("\r\n".join([*head, "", ""]).encode() + (body or b""))
    return Answer(line)


def form(fields: Mapping[str, Any], sound: bytes) -> tuple[bytes, str]:
    """Returns a form and its content type; a field that is `sound` itself becomes a file."""
    boundary = f"hushd-{os.urandom(12).hex()}"
    parts = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
            if each is sound:
                parts += [f'{head}; filename="speech.wav"\r\nContent-Type: audio/wav\r\n\r\n'.encode(), sound, b"\r\n"]
            else:
                text = each if isinstance(each, str) else json.dumps(each)
                parts.append(f"{head}\r\n\r\n{text}\r\n".encode())
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def refusal(name: str, path: str, answer: Answer) -> HushdError:
    """Returns the error for an answer that is not a success: the caller's for 4xx, else the server's, or its file's."""
    status, body = answer.status, b""
    with contextlib.suppress(Broken):
        for block in answer.blocks():
            body += block
            if len(body) > _MAX_REFUSAL:
                break
    callers = 400 <= status < 500 and status not in (404, 405)
    did = "refused this" if callers else "failed" if status >= 500 else f"has no {path.partition('?')[0]} or model"
    words = first_words(body)
    return HushdError(
        "bad_request" if callers else "worker_failed",
        f"The server {name} {did} ({status}{f': {words}' if words else ''}).",
        detail={"status": status},
    )


def first_words(body: bytes) -> str:
    """Returns the beginning of what a server says of an error, whether in JSON, HTML or plain text."""
    text = body[:4000].decode(errors="replace")
    try:
        part = json.loads(text)
        while isinstance(part, dict | list):
            values = part if isinstance(part, list) else [part[k] for k in _SAYING if k in part] or list(part.values())
            part = next(iter(values), "")
        text = str(part)
    except ValueError:
        text = re.sub(r"<(style|script|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text[:_WORDS].rstrip(". ")


_SAYING = ("error", "message", "detail", "msg")
