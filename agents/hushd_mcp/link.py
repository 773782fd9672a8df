"""A session with the process that serves MCP over HTTP: requests by its socket, each with a connection of its own.

A GET stays open as long as the session. Its end shows the process that the host has gone, and a byte every few seconds
shows the pipe that the process works.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress

from . import greeting, meeting

PROCESS_SILENCE_S = 20.0  # seconds without a byte after which the process is given up, fewer than any host waits
TRIES = 3  # a process that is leaving may not answer
GONE = 410  # the process has ended the session
ENDED = "has ended in the middle"
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "X-Hushd-Local": "1"}


class Answer:
    """An answer of HTTP/1.0, which its connection's end ends: its status, its headers, and its body's lines."""

    def __init__(self, connected: socket.socket) -> None:
        self.lines = connected.makefile("rb")
        version, _, status = self.lines.readline().partition(b" ")
        if not version.startswith(b"HTTP/"):
            raise ConnectionResetError("no answer")
        self.status = int(status[:3])
        self.headers: dict[str, str] = {}
        while line := self.lines.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def messages(self) -> Iterator[dict[str, object]]:
        """Yields the messages as they come. Raises OSError, or ValueError for anything else."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            yield from (json.loads(line.removeprefix(b"data: ")) for line in self.lines if line.startswith(b"data: {"))
        else:
            yield json.loads(self.lines.read())


class Request:
    """A message on its way. One thread reads the answer; any thread may hang up."""

    def __init__(self, connected: socket.socket, method: str, body: bytes, headers: dict[str, str]) -> None:
        self.socket = connected
        fields = headers | {"Content-Length": str(len(body))}
        lines = [f"{method} /mcp HTTP/1.0", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        connected.sendall("\r\n".join(lines).encode() + body)

    def hang_up(self) -> None:
        with suppress(OSError):  # it has ended
            self.socket.shutdown(socket.SHUT_RDWR)


class Link:
    """A session with the process at `path`, which is started if there is none. `about`: what `calls.Calls.of` reads.
    Raises OSError if none serves; so do the methods.

    Attributes:
        fault: why the process serves no longer; empty while it does.
    """

    def __init__(self, path: str, log: str, about: Mapping[str, object]) -> None:
        self._path = path
        self._headers = _HEADERS | {"X-Hushd-Pipe": os.urandom(16).hex()}
        self._requests: set[Request] = set()
        self.fault = ""
        connected, new, self._identity = meeting.find(path, log)
        connected.settimeout(None if new else PROCESS_SILENCE_S)  # a new one has yet to import much
        try:
            self._held = Request(connected, "GET", b"", self._headers | {"X-Hushd-Host": json.dumps(about)})
            answer = Answer(connected)
        except TimeoutError:
            meeting.abandon(path, self._identity)
            raise
        if answer.status != 200:
            raise ConnectionResetError(f"HTTP {answer.status}")
        self._beats = answer.lines
        connected.settimeout(PROCESS_SILENCE_S)

    def begin(self, initialize: bytes) -> None:
        """Has the protocol's session begin by the host's line, unless it has begun."""
        if "Mcp-Session-Id" not in self._headers:
            self.tell(initialize)
            self.tell(greeting.INITIALIZED)

    def send(self, line: bytes) -> Request:
        """Sends a message. If it fails, the process has not had it."""
        connected = meeting.connected(self._path)
        connected.settimeout(PROCESS_SILENCE_S)  # a stopped process takes no long message
        request = Request(connected, "POST", line, self._headers)
        connected.settimeout(None)
        self._requests.add(request)
        if self.fault:
            request.hang_up()
        return request

    def answer(self, request: Request) -> Answer:
        """Returns the answer. One to `initialize` names the session for all later messages."""
        answer = Answer(request.socket)
        if name := answer.headers.get("mcp-session-id"):
            self._headers["Mcp-Session-Id"] = name
        return answer

    def done(self, request: Request) -> None:
        self._requests.discard(request)
        request.socket.close()

    def tell(self, line: bytes) -> None:
        """Sends a message whose answer is not the host's."""
        request = self.send(line)
        answer = self.answer(request)
        answer.lines.read()
        self.done(request)
        if answer.status == GONE:
            raise ConnectionResetError("the session is gone")

    def watch(self) -> None:
        """Returns once the process has left, or has given no sign of life; all requests end then."""
        fault = ENDED
        try:
            while self._beats.read(1):
                pass
        except TimeoutError:
            meeting.abandon(self._path, self._identity)
            fault = "does not answer"
        except OSError:
            pass
        self.fault = self.fault or fault
        self._held.hang_up()  # a process that works again finds that its host has gone
        for request in list(self._requests):
            request.hang_up()

    def part(self) -> None:
        """Gives the session up: its process ends it with all of its calls, and `watch` hangs up."""
        self.fault = self.fault or ENDED
        self._held.hang_up()
