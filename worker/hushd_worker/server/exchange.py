"""Asks a server over HTTP/1.1, one connection a request; waits in short steps, between which a cancel is noticed.

h11 reads and writes the protocol, as it does in httpx, which cannot be cancelled while it waits for an answer, nor be
given a connection whose other end was looked up.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import h11
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted

_CHECK_EVERY_S = 0.1
_MAX_HEAD = 65_536  # bytes of a line, or of an answer's head
_MAX_REFUSAL = 20_000
_MAX_WORDS_CHARACTERS = 200  # characters of a server's own words in a message
Check = Callable[[], None]


class Hangs(Exception):
    """The server has not answered in the time that the request may take; the message follows the server's name."""


class Broken(Exception):
    """The connection ended, or what came is not an answer; the message follows the server's name."""


class Unreachable(Broken):
    """Nothing listens where the server should, or it takes no connection."""


class Bounds(NamedTuple):
    """The bounds of a request: seconds in which nothing comes, seconds until the end of its answer, and its bytes."""

    silence_s: float
    all_s: float
    size: int = 1_000_000


class Line:
    """A connection that keeps within the bounds of a request, and calls `check` at least ten times a second, whatever
    comes."""

    def __init__(self, connection: socket.socket, check: Check, bounds: Bounds) -> None:
        self._connection, self._check, self._bounds = connection, check, bounds
        self._until = time.monotonic() + bounds.all_s
        self._left = bounds.size
        self._rest = bytearray()
        connection.settimeout(_CHECK_EVERY_S)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._patiently(lambda view=view: self._connection.send(view)) :]  # type: ignore[misc]

    def receive(self) -> bytes:
        """Returns the next bytes; none at the end."""
        data: bytes = self._patiently(lambda: self._connection.recv(65_536))
        self._left -= len(data)
        if self._left < 0:
            raise self._too_much()
        return data

    def line(self) -> bytes:
        """Returns the next line without its end. Raises Broken if there is none."""
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > _MAX_HEAD:
                raise Broken("sent an endless line")
            self._receive_more()
        return self._cut(end + 1).rstrip(b"\r\n")

    def exactly(self, count: int) -> bytes:
        """Returns the next `count` bytes. Raises Broken if fewer come."""
        if not 0 <= count <= len(self._rest) + self._left:
            raise self._too_much()
        while len(self._rest) < count:
            self._receive_more()
        return self._cut(count)

    def _receive_more(self) -> None:
        if not (data := self.receive()):
            raise Broken(_CUT_OFF)
        self._rest += data

    def _cut(self, count: int) -> bytes:
        data = bytes(self._rest[:count])
        del self._rest[:count]
        return data

    def _too_much(self) -> Broken:
        return Broken(f"sent more than the {self._bounds.size / 1e6:.1f} MB that an answer to this can have")

    def _patiently(self, act: Callable[[], Any]) -> Any:
        silent_until = time.monotonic() + self._bounds.silence_s
        while True:
            self._check()
            now = time.monotonic()
            if now > self._until:
                raise Hangs(f"has not finished its answer within {self._bounds.all_s:g} s")
            if now > silent_until:
                raise Hangs(f"has not answered for {self._bounds.silence_s:g} s")
            try:
                return act()
            except TimeoutError:
                pass
            except OSError as error:
                raise Broken(f"ended the connection ({error.strerror or error})") from error


_CUT_OFF = "ended the connection before the end of its answer"


class Answer:
    """An answer whose head has come; `blocks` reads its body as it comes."""

    def __init__(self, line: Line, http: h11.Connection) -> None:
        self._line, self._http = line, http
        while not isinstance(head := self._next("does not speak HTTP"), h11.Response):
            pass  # an answer such as `100 Continue` before the answer
        self.status = head.status_code
        self.headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}

    def blocks(self) -> Iterator[bytes]:
        """Yields the body. Raises Broken if it ends before its end."""
        while isinstance(event := self._next("sent a damaged answer"), h11.Data):
            yield bytes(event.data)

    def _next(self, otherwise: str) -> Any:
        """Returns h11's next event. Raises Broken if there is none, `otherwise` while the connection lasts."""
        ended = False
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = self._line.receive()
                ended = not data
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise Broken(_CUT_OFF if ended else otherwise) from error
        return event


def ask(line: Line, path: str, body: bytes | None, kind: str) -> Answer:
    """Sends a request, a GET without `body`, and returns the answer's head. Raises Hangs or Broken."""
    headers = [("Host", "127.0.0.1"), ("Connection", "close"), ("Accept", "*/*")]
    if body is not None:
        headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    method = "GET" if body is None else "POST"
    try:
        request = h11.Request(method=method, target=path.encode(), headers=headers)
    except h11.LocalProtocolError as error:
        raise Broken(f"cannot be asked for {path!r}: write what is not a letter as %XX") from error
    events = [request, *([h11.Data(body)] if body else []), h11.EndOfMessage()]
    line.send(b"".join(http.send(event) or b"" for event in events))
    return Answer(line, http)


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
    if 300 <= status < 400 and (target := answer.headers.get("location")):
        sent = f"The server {name} sends {path.partition('?')[0]} on to {quoted(target)} ({status})"
        return HushdError("worker_failed", f"{sent}: write that path into its file.", detail={"status": status})
    callers = 400 <= status < 500 and status not in (404, 405)
    did = "refused this" if callers else "failed" if status >= 500 else f"has no {path.partition('?')[0]} or model"
    words = first_words(body)
    return HushdError(
        "bad_request" if callers else "worker_failed",
        f"The server {name} {did} ({status}{f': {words}' if words else ''}).",
        detail={"status": status},
    )


def loads(text: str | bytes) -> Any:
    """Returns what a text in JSON says. Raises ValueError if it is none, or too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is too deep") from None


def first_words(body: bytes) -> str:
    """Returns the beginning of what a server says of an error, whether in JSON, HTML or plain text."""
    text = body[:4000].decode(errors="replace")
    try:
        part = loads(text)
        while isinstance(part, dict | list):
            values = part if isinstance(part, list) else [part[k] for k in _SAYING if k in part] or list(part.values())
            part = next(iter(values), "")
        text = str(part)
    except ValueError:
        text = re.sub(r"<(style|script|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text[:_MAX_WORDS_CHARACTERS].rstrip(". ")


_SAYING = ("error", "message", "detail", "msg")
