"""A web server that speaks Hugging Face's protocol, as far as getting models needs it, and misbehaves when told to.

It counts what it sends, so that a test can say whether a byte has travelled twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_PIECE = 1 << 16
LARGE = 1 << 10  # bytes from which on a file is kept as git-lfs does, under its SHA-256


class Content:
    """The bytes of a file: `block` again and again, up to `size`."""

    def __init__(self, block: bytes, size: int | None = None) -> None:
        self.block = block
        self.size = len(block) if size is None else size

    def read(self, start: int, count: int) -> bytes:
        count = min(count, self.size - start)
        at = start % max(1, len(self.block))
        return (self.block[at:] + self.block * (count // max(1, len(self.block)) + 1))[:count]

    def hash(self, kind: str = "sha256", prefix: bytes = b"") -> str:
        digest = hashlib.new(kind, prefix)
        for start in range(0, self.size, 1 << 20):
            digest.update(self.read(start, 1 << 20))
        return digest.hexdigest()

    @cached_property
    def blob(self) -> str:
        """Its name in the hub's cache."""
        return self.hash() if self.size >= LARGE else self.hash("sha1", b"blob %d\0" % self.size)


class HubServer:
    """Runs on a port of its own until `close`.

    Attributes:
        url: what HF_ENDPOINT has to be.
        drop_every: a connection is closed after so many bytes of a file; 0 never.
        reset: it is closed in the rude way, so that what is on its way may be lost.
        answers: statuses that the next requests for files get instead, with the seconds of a Retry-After or None.
        corrupt: names of files of which another byte is sent.
        stalls: how often it stops in the middle of a file and keeps the connection.
        pace: seconds of rest after each piece of 64 KiB, once an answer has had `slow_from` bytes.
        token: what is to be in the header Authorization of requests to the hub; empty for nothing.
        sent: by file, the pieces [start, end) that were sent.
        requests: the paths that were asked for, with their methods.
        strangers: requests to the storage behind the hub that carried a token.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, dict[str, Content]]] = {}
        self.files: dict[str, Content] = {}  # by path, of a plain server
        self.drop_every = 0
        self.reset = False
        self.answers: list[tuple[int, float | None]] = []
        self.corrupt: set[str] = set()
        self.pace = 0.0
        self.slow_from = 0
        self.stalls = 0
        self.token = ""
        self.sent: dict[str, list[tuple[int, int]]] = {}
        self.requests: list[str] = []
        self.strangers: list[str] = []
        self.lock = threading.Lock()
        server = self

        class Handler(_Handler):
            hub = server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.storage = self.url.replace("127.0.0.1", "localhost")  # another host to whoever compares names
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def slow_down(self, size: int) -> None:
        """Lets no answer end for 10 s after so many bytes of it: whatever a test does meanwhile meets it under way."""
        self.slow_from, self.pace = size, 0.5

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, repository: str, files: dict[str, bytes | Content], revision: str = "main") -> None:
        contents = {name: file if isinstance(file, Content) else Content(file) for name, file in files.items()}
        self.repositories.setdefault(repository, {})[revision] = contents

    def commit(self, repository: str, revision: str = "main") -> str:
        files = self.repositories[repository][revision]
        words = "".join(f"{name} {content.blob}\n" for name, content in sorted(files.items()))
        return hashlib.sha1(words.encode()).hexdigest()

    def find(self, repository: str, commit: str) -> dict[str, Content] | None:
        for revision, files in self.repositories.get(repository, {}).items():
            if commit in (revision, self.commit(repository, revision)):
                return files
        return None

    def bytes_sent(self, name: str = "") -> int:
        """Returns the bytes of one file, or of all."""
        return sum(end - start for file, pieces in self.sent.items() for start, end in pieces if name in ("", file))

    def bytes_twice(self) -> int:
        """The number of bytes that were sent more than once."""
        twice = 0
        for pieces in self.sent.values():
            reached = 0
            for start, end in sorted(pieces):
                twice += max(0, min(reached, end) - start)
                reached = max(reached, end)
        return twice


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        with self.hub.lock:
            self.hub.requests.append(f"{self.command} {path}")
        with contextlib.suppress(ConnectionError):
            if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
                self._say_commit(match[1], match[2])
            elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/(.+)", path):
                self._say_tree(match[1], match[2])
            elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self._resolve(match[1], match[2], match[3])
            elif match := re.fullmatch(r"/cdn/([^/]+/[^/]+)/([^/]+)/(.+)", path):
                if "Authorization" in self.headers:
                    self.hub.strangers.append(path)
                files = self.hub.find(match[1], match[2]) or {}
                self._send(match[3], files.get(match[3]), f'"{match[2]}"')
            else:
                content = self.hub.files.get(path)
                self._send(path, content, f'"{content.blob}"' if content else "")

    def _allowed(self) -> bool:
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self._plain(401, b"", {"X-Error-Message": "Access to this model is restricted."})
            return False
        return True

    def _say_commit(self, repository: str, revision: str) -> None:
        if not self._allowed():
            return
        files = self.hub.find(repository, revision)
        if files is None:
            return self._plain(404, b"", {"X-Error-Message": "Revision not found"})
        siblings = []
        for name, content in files.items():
            entry: dict[str, Any] = {"rfilename": name, "size": content.size, "blobId": content.blob[:40]}
            if content.size >= LARGE:
                entry["lfs"] = {"sha256": content.blob, "size": content.size, "pointerSize": 134}
            siblings.append(entry)
        commit = self._commit(repository, revision)
        answer = {"id": repository, "sha": commit, "siblings": siblings, "cardData": {"license": "mit"}}
        self._plain(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _say_tree(self, repository: str, commit: str) -> None:
        if not self._allowed():
            return
        entries = []
        for name, content in (self.hub.find(repository, commit) or {}).items():
            entry: dict[str, Any] = {"type": "file", "path": name, "size": content.size, "oid": content.blob[:40]}
            if content.size >= LARGE:
                entry["lfs"] = {"oid": content.blob, "size": content.size, "pointerSize": 134}
            entries.append(entry)
        self._plain(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})

    def _commit(self, repository: str, revision: str) -> str:
        known = self.hub.repositories[repository]
        return self.hub.commit(repository, revision) if revision in known else revision

    def _resolve(self, repository: str, commit: str, name: str) -> None:
        if not self._allowed():
            return
        content = (self.hub.find(repository, commit) or {}).get(name)
        if content is None:
            return self._plain(404, b"", {"X-Error-Message": "Entry not found"})
        commit = self._commit(repository, commit)
        headers = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{content.blob}"', "X-Linked-Size": str(content.size)}
        if content.size >= LARGE:
            return self._plain(
                302, b"", {**headers, "Location": f"{self.hub.storage}/cdn/{repository}/{commit}/{name}"}
            )
        self._send(name, content, f'"{content.blob}"', headers)

    def _send(self, name: str, content: Content | None, etag: str, headers: dict[str, str] | None = None) -> None:
        hub = self.hub
        if content is None:
            return self._plain(404, b"", {})
        with hub.lock:
            status, after = hub.answers.pop(0) if hub.answers and self.command == "GET" else (0, None)
        if status:
            return self._plain(status, b"", {} if after is None else {"Retry-After": f"{after:g}"})
        start, size = 0, content.size
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.headers.get("If-Range", etag) == etag:
            start = int(asked[1])
            if start >= size:
                return self._plain(416, b"", {"Content-Range": f"bytes */{size}"})
        end = min(size, int(asked[2]) + 1) if asked and asked[2] else size
        part = start > 0 or end < size
        self.send_response(206 if part else 200)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(end - start))
        if part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        if asked and asked[2] == "0":  # a question about the file, and no download
            self.wfile.write(content.read(0, 1))
        elif self.command == "GET":
            self._send_body(name, content, start, end)

    def _send_body(self, name: str, content: Content, start: int, end: int) -> None:
        hub, at = self.hub, start
        limit = min(end, start + hub.drop_every) if hub.drop_every else end
        with hub.lock:
            pieces = hub.sent.setdefault(name, [])
            number = len(pieces)
            pieces.append((start, start))
        while at < limit:
            data = content.read(at, min(_PIECE, limit - at))
            if name in hub.corrupt and at == start:
                data = bytes([data[0] ^ 1]) + data[1:]
            self.wfile.write(data)
            at += len(data)
            pieces[number] = (start, at)
            if hub.stalls and at - start >= 550_000:
                hub.stalls -= 1
                self.connection.recv(1)  # until the other side gives up
                limit = at
            if hub.pace and at - start >= hub.slow_from:
                time.sleep(hub.pace)
        if limit < end:
            if hub.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True

    def _plain(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def arrived(cache: Path) -> int:
    """The bytes of the largest file in a client's cache: of a download under way, what it will not ask for again."""
    size = 0
    for path in cache.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it has got its name meanwhile
            size = max(size, path.stat().st_size if path.is_file() else 0)
    return size


@contextlib.contextmanager
def serving() -> Iterator[HubServer]:
    server = HubServer()
    try:
        yield server
    finally:
        server.close()
