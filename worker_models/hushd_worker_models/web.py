"""Reading from web servers that break off, are slow, or are busy: by the standard library, so that nothing need be
installed to get a model, and the process that waits for one stays small.

Proxies are those of the environment (HTTPS_PROXY, NO_PROXY), and so are certificates (SSL_CERT_FILE,
REQUESTS_CA_BUNDLE).
"""

from __future__ import annotations

import email.message
import http.client
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError, reason

TIMEOUT_S = 30.0  # without a byte of a file
QUESTION_S = 10.0  # the same of what is asked before
TRIES = 6  # one after the other that bring nothing of a file
QUESTION_TRIES = 3  # whoever has no network need not wait for long to hear so
PAUSE_S = 0.25  # before the third try; the second is made at once, and each pause is twice the one before
LONGEST_PAUSE_S = 60.0  # a server that wants a longer one is told to the user instead
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_LIMIT = re.compile(r";\s*r\s*=\s*([0-9]+)\s*;\s*t\s*=\s*([0-9]+)")  # the hub's: "api";r=0;t=55
# What a connection that breaks off raises; urllib.error.URLError is an OSError.
BROKEN = (OSError, http.client.HTTPException)

Headers = email.message.Message
Response = Any  # urllib's: read(n), headers, status, url


class Refused(HushdError):
    """The server has answered that it will not: asking again is useless. `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("model_missing", message)
        self.status = status


class Web:
    """Requests with patience.

    Args:
        wait: sleeps so many seconds, and raises what ends everything when somebody has said so.
        token: for servers whose address begins with `endpoint`, and on their own host where they redirect to.
    """

    def __init__(self, wait: Callable[[float], None], endpoint: str = "", token: str = "") -> None:
        self._wait = wait
        self._endpoint = endpoint
        self._token = token
        bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
        context = ssl.create_default_context(cafile=bundle or None)
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Redirects())

    def open(
        self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET", timeout: float | None = None
    ) -> Response:
        """One answer, as far as its headers; the caller closes it. `timeout` is in seconds, by default that of files.

        Raises:
            Refused: the server says no.
            urllib.error.HTTPError: it says not now.
            BROKEN: it says nothing.
        """
        sent = {"User-Agent": f"hushd/{__version__}", **(headers or {})}
        request = urllib.request.Request(url, method=method, headers=sent)
        if self._token and self._endpoint and url.startswith(f"{self._endpoint}/"):
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            return self._opener.open(request, timeout=timeout or TIMEOUT_S)
        except urllib.error.HTTPError as error:
            # What another server has signed may have expired on the way to it: the first one signs it anew.
            expired = error.code == 403 and _origin(error.url) != _origin(url)
            if error.code in _BUSY or error.code == 416 or expired:
                raise
            error.close()
            raise Refused(error.code, _refusal(error.code, url, error.headers)) from None

    def get(self, url: str, limit: int) -> bytes:
        """A whole answer of at most `limit` bytes, trying again where that may help.

        Raises:
            HushdError: `model_missing`: refused, too long, or not to be had.
        """
        patience = Patience(self._wait, url, QUESTION_TRIES)
        while True:
            try:
                with self.open(url, timeout=QUESTION_S) as response:
                    data: bytes = response.read(limit + 1)
                    length = response.headers.get("Content-Length")
                if len(data) > limit:
                    raise HushdError("model_missing", f"{url} answers with more than {limit} bytes.")
                if length is None or int(length) == len(data):
                    return data
                patience.lost(http.client.IncompleteRead(data))
            except BROKEN as error:
                patience.lost(error)

    def head(self, url: str) -> Headers:
        """The headers of the file at `url`, wherever it is redirected to.

        Raises:
            HushdError: `model_missing`.
        """
        patience, method = Patience(self._wait, url, QUESTION_TRIES), "HEAD"
        more: dict[str, str] = {}
        while True:
            try:
                with self.open(url, more, method, QUESTION_S) as response:
                    headers: Headers = response.headers
                    return headers
            except (Refused, urllib.error.HTTPError) as error:
                # Addresses that are signed are signed for one method.
                if method == "HEAD" and error.status in (403, 405, 501):
                    method, more = "GET", {"Range": "bytes=0-0"}
                    if isinstance(error, urllib.error.HTTPError):
                        error.close()
                elif isinstance(error, Refused):
                    raise
                else:
                    patience.lost(error)
            except BROKEN as error:
                patience.lost(error)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Keeps the token on the same host, as the hub's own library does: repositories are renamed."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        token = req.get_header("Authorization")
        if request is not None and token and _origin(newurl) == _origin(req.full_url):
            request.add_unredirected_header("Authorization", token)
        return request


class Patience:
    """Counts the tries of a request, and pauses before the next."""

    def __init__(self, wait: Callable[[float], None], url: str, tries: int) -> None:
        self._wait = wait
        self._url = url
        self._tries = tries
        self._lost = 0

    def gained(self) -> None:
        """Something has come: what follows is another beginning."""
        self._lost = 0

    def lost(self, error: BaseException) -> None:
        """Waits before the next try.

        Raises:
            HushdError: `model_missing`: that was the last one.
        """
        self._lost += 1
        pause = PAUSE_S * 2 ** (self._lost - 2) if self._lost > 1 else 0.0
        asked = None
        if isinstance(error, urllib.error.HTTPError):
            asked = retry_after(error.headers)
            pause = pause or PAUSE_S
            error.close()
        if self._lost >= self._tries or (asked or 0.0) > LONGEST_PAUSE_S:
            raise HushdError(
                "model_missing",
                f"{host(self._url)} cannot be reached ({_why(error)}): what has arrived is kept, so try again "
                + (f"in {asked:.0f} s." if asked else "later."),
                None if asked is None else round(asked * 1000),
            ) from error
        self._wait(min(LONGEST_PAUSE_S, max(pause, asked or 0.0)))


def retry_after(headers: Headers) -> float | None:
    """Seconds that a server asks for, in a number, as a date, or in `RateLimit`; None where it does not."""
    value = headers.get("Retry-After", "")
    if value.isascii() and value.isdigit():
        return float(value)
    if limits := [(int(left), float(seconds)) for left, seconds in _LIMIT.findall(headers.get("RateLimit", ""))]:
        least = min(left for left, _ in limits)
        return max(seconds for left, seconds in limits if left == least)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    import datetime

    return max(0.0, (moment - datetime.datetime.now(moment.tzinfo)).total_seconds())


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def host(url: str) -> str:
    """The server's name in `url`, for people."""
    return urllib.parse.urlsplit(url).hostname or url


def total(headers: Headers) -> int | None:
    """The size of the whole file, from the headers of an answer that brings it or its end; None if they lack it."""
    end = headers.get("Content-Range", "").rpartition("/")[2]
    value = end if end.isdigit() else headers.get("Content-Length", "")
    return int(value) if value.isdigit() else None


def copy(response: Response, size: int, take: Callable[[bytes], None]) -> int:
    """Hands what comes, `size` bytes at most, to `take`; returns how many came.

    As it comes, by `read1`: what `read` has collected is lost with the connection.
    """
    count = 0
    while count < size and (data := response.read1(min(1 << 18, size - count))):
        take(data)
        count += len(data)
    return count


def _why(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "it sends nothing"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return reason(cause) if isinstance(cause, BaseException) else str(cause)


def _refusal(status: int, url: str, headers: Headers) -> str:
    why = headers.get("X-Error-Message", "").strip()
    if status in (401, 403):
        return (
            f"{host(url)} does not give {url} to everybody{f' ({why})' if why else ''}: accept its licence on its "
            "page there, set HF_TOKEN, and have hushd take that over by `hushd restart`."
        )
    if status in (404, 410):
        return f"There is nothing at {url}{f' ({why})' if why else ''}."
    return f"{host(url)} answers {status} to the request for {url}."
