"""Calls a neighbour's HTTP address, with limits of time and size; the answer is JSON or one sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NoReturn
from urllib.parse import urlsplit

from .holding import Answer, Failed

MAX_BYTES = 1 << 20  # of an answer
_CHUNK = 1 << 16
_REDIRECTS = range(300, 400)
_REFUSED = (401, 403)
_LOCAL = ("localhost", "::1")


class Server:
    """A neighbour's address. Its token is sent nowhere else: redirects are not followed, and no proxy is used.

    Args:
        ends: the time by the `clock` at which all calls must be over.
    """

    def __init__(self, url: str, token: str, ends: float, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.ends = ends
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._clock = clock

    @property
    def local(self) -> bool:
        """True if it is on this machine, by its host name."""
        return self.host in _LOCAL or self.host.startswith("127.")

    def left_s(self) -> float:
        """Returns the seconds that are left for calls."""
        return self.ends - self._clock()

    def get(self, path: str) -> Answer:
        """Returns the JSON object at `path`.

        Raises:
            Failed: if there is none.
        """
        status, data = self.call("GET", path)
        if status != 200:
            raise refused("GET", path, status)
        return self._read(data, f"GET {path}")

    def tell(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Sends a command to the server, and only checks the status of its answer.

        Raises:
            Failed: if the status is not a success.
        """
        status, _ = self.call(method, path, body)
        if not 200 <= status < 300:
            raise refused(method, path, status)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, bytes]:
        """Returns the status and the body of an answer.

        Raises:
            Failed: if no answer comes in time, or it is too large; also for a redirect and a refused token.
        """
        asked = f"{method} {path}"
        connection = self._connection(self.host, self.port, timeout=self._patience(asked))
        try:
            connection.request(method, self._prefix + path, *self._content(body))
            socket = connection.sock
            response = connection.getresponse()
            if response.status in _REDIRECTS:
                raise Failed(f"The server redirects {asked}, but hushd only sends requests to configured addresses.")
            if response.status in _REFUSED:
                raise Failed(f"The server requires a token for {asked}, or a different one.")
            return response.status, self._body(response, socket, asked)
        except TimeoutError:
            raise late(asked) from None
        except OSError as error:
            reason = (error.strerror or str(error)).rstrip(".")
            raise Failed(f"The server cannot be reached at {self.host}:{self.port} ({reason}).") from None
        except (HTTPException, ValueError):
            raise Failed(f"The answer to {asked} is not HTTP.") from None
        finally:
            connection.close()

    def _content(self, body: Mapping[str, Any] | None) -> tuple[bytes | None, dict[str, str]]:
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is None:
            return None, headers
        return json.dumps(body).encode(), {**headers, "Content-Type": "application/json"}

    def _body(self, response: HTTPResponse, socket: Any, asked: str) -> bytes:
        """Returns the body; the wait for each piece ends with the time that is left."""
        data = b""
        while chunk := response.read1(_CHUNK):
            data += chunk
            if len(data) > MAX_BYTES:
                raise Failed(f"The answer to {asked} is larger than {MAX_BYTES >> 20} MiB.")
            if response.isclosed():  # after the last announced byte, from Python 3.12 on, which also closes its socket
                break
            socket.settimeout(self._patience(asked))
        return data

    def _patience(self, asked: str) -> float:
        if (left := self.left_s()) <= 0:
            raise late(asked)
        return left

    def _read(self, data: bytes, asked: str) -> Answer:
        try:
            return Answer(json.loads(data, parse_constant=_no_number), asked)
        except (ValueError, RecursionError):
            raise Failed(f"The answer to {asked} is not JSON.") from None


def late(asked: str) -> Failed:
    return Failed(f"The server did not answer {asked} in time.")


def refused(method: str, path: str, status: int) -> Failed:
    return Failed(f"The server answers {method} {path} with status {status}.")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
