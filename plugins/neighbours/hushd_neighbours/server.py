"""Calls a neighbour's HTTP address, with limits of time and size; the answer is JSON or one sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from .holding import Failed

MAX_SERVER_ANSWER_BYTES = 1 << 20  # of an answer
_REDIRECTS = range(300, 400)
_REFUSED = (401, 403)


class Server:
    """A neighbour's address. Its token is sent nowhere else: redirects are not followed, and no proxy is used.
    `ends`: the time by the monotonic clock at which all calls must be over."""

    def __init__(self, url: str, token: str, ends: float) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self._ends = ends
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._prefix = parts.path.rstrip("/")
        self._token = token

    @property
    def local(self) -> bool:
        """True if it is on this machine, by its host name."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def left_s(self) -> float:
        return self._ends - time.monotonic()

    def get(self, path: str) -> Any:
        """Returns the JSON at `path`; raises `Failed` if there is none."""
        status, data = self.call("GET", path)
        if status != 200:
            raise Failed(f"The server answers GET {path} with status {status}.")
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise Failed(f"The answer to GET {path} is not JSON.") from None

    def tell(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Posts a command to the server; raises `Failed` if the status of its answer is not a success."""
        status, _ = self.call("POST", path, body)
        if not 200 <= status < 300:
            raise Failed(f"The server answers POST {path} with status {status}.")

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, bytes]:
        """Returns the status and the body of an answer. Raises Failed if no answer comes in time, or it is too large;
        also for a redirect and a refused token."""
        asked = f"{method} {path}"
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        if self.left_s() <= 0:
            raise Failed(f"The server did not answer {asked} in time.")
        connection = self._connection(self.host, self.port, timeout=self.left_s())
        try:
            connection.request(method, self._prefix + path, data, headers)
            with connection.getresponse() as response:
                if response.status in _REDIRECTS:
                    raise Failed(
                        f"The server redirects {asked}, but hushd only sends requests to configured addresses."
                    )
                if response.status in _REFUSED:
                    raise Failed(f"The server requires a token for {asked}, or a different one.")
                content = response.read(MAX_SERVER_ANSWER_BYTES + 1)
            if len(content) > MAX_SERVER_ANSWER_BYTES:
                raise Failed(f"The answer to {asked} is larger than {MAX_SERVER_ANSWER_BYTES >> 20} MiB.")
            return response.status, content
        except TimeoutError:
            raise Failed(f"The server did not answer {asked} in time.") from None
        except OSError as error:
            reason = (error.strerror or str(error)).rstrip(".")
            raise Failed(f"The server cannot be reached at {self.host}:{self.port} ({reason}).") from None
        except (HTTPException, ValueError):
            raise Failed(f"The answer to {asked} is not HTTP.") from None
        finally:
            connection.close()
