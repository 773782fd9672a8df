"""A server that answers as a test has written down, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.ports import served

Answers = dict[str, Any]  # by "METHOD /path": a value, sent as JSON; a `Raw`; or a function of the body


class Raw:
    """An answer that is not JSON, or not a good one."""

    def __init__(self, body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.body, self.status, self.headers = body, status, headers or {}


class Scripted:
    """A running server: its `url`, its `answers`, which may change, and the requests that it got.

    While `held` is set, it answers nothing.
    """

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.asked: list[tuple[str, Any]] = []
        self.tokens: list[str] = []
        self.free = threading.Event()
        self.free.set()
        self.url = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script.free.wait()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = f"{self.command} {self.path}"
                script.asked.append((asked, json.loads(body) if body else None))
                script.tokens.append(self.headers.get("Authorization", ""))
                answer = script.answers.get(asked, Raw(b'{"error": "no such thing"}', 404))
                self._send(answer(script.asked[-1][1]) if callable(answer) else answer)

            do_POST = do_DELETE = do_GET

            def _send(self, answer: Any) -> None:
                if not isinstance(answer, Raw):
                    answer = Raw(json.dumps(answer).encode(), headers={"Content-Type": "application/json"})
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def scripted(answers: Answers | None = None) -> Iterator[Scripted]:
    """A server for the time of a test."""
    server = Scripted()
    server.answers |= answers or {}
    with served(server.handler()) as server.url:
        try:
            yield server
        finally:
            server.free.set()
