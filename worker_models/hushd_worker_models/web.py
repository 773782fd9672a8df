"""Reads from web servers that break off, are slow, or are busy. It uses the standard library: a library that reads
whole files, or drops the bytes received before a failure, would not help.

The environment sets proxies (HTTPS_PROXY, NO_PROXY) and certificates (SSL_CERT_FILE, REQUESTS_CA_BUNDLE).
"""

from __future__ import annotations

import email.message
import http.client
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError, reason

TIMEOUT_S = 30.0  # seconds without a byte of a file
QUESTION_S = 10.0  # seconds without a byte, for a question before the download
EMPTY_TRIES = 6  # tries in a row that bring no bytes of a file
QUESTION_TRIES = 3  # fewer, so that users without a network soon get the error
# Seconds before the third try; the second follows at once, and each pause is twice the previous one.
THIRD_TRY_DELAY_S = 0.25
MAX_PAUSE_S = 60.0  # seconds; a server that asks for a longer pause costs the user an error instead
_BUSY = (408, 425, 429, 500, 502, 503, 504)
# The exceptions of a broken connection; urllib.error.URLError is an OSError.
BROKEN = (OSError, http.client.HTTPException)

Headers = email.message.Message
Response = Any  # urllib's: read1(n), headers, status, url


class Web:
    """Sends requests.

    Args:
        wait: sleeps for the given seconds; raises an exception if the work is to stop.
        token: sent to addresses that begin with `endpoint`, and on no redirect.
    """

    def __init__(self, wait: Callable[[float], None], endpoint: str = "", token: str = "") -> None:
        self._wait = wait
        self._endpoint = endpoint
        self._token = token
        bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
        context = ssl.create_default_context(cafile=bundle or None)
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def open(self, url: str, headers: Mapping[str, str] | None = None, timeout: float | None = None) -> Response:
        """Returns an answer whose headers have arrived; the caller closes it. `timeout` is in seconds, for files by
        default.

        Raises:
            HushdError: `model_missing`: the server refuses for good.
            urllib.error.HTTPError: another error status; a later try may succeed.
            BROKEN: there is no answer.
        """
        request = urllib.request.Request(url, headers={"User-Agent": f"hushd/{__version__}", **(headers or {})})
        if self._token and url.startswith(f"{self._endpoint}/"):
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            return self._opener.open(request, timeout=timeout or TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code in _BUSY:
                raise
            error.close()
            raise refused(error.code, url, error.headers) from None

    def headers(self, url: str) -> Headers:
        """Returns the headers of the file at `url`, after any redirects. Raises `model_missing`."""
        patience = Patience(self._wait, url, QUESTION_TRIES)
        while True:
            try:
                # Not by HEAD, which not every server answers, nor every signed address.
                with self.open(url, {"Range": "bytes=0-0"}, QUESTION_S) as response:
                    headers: Headers = response.headers
                    return headers
            except BROKEN as error:
                patience.lost(error)


class Patience:
    """Counts the tries of a request, and pauses before the next."""

    def __init__(self, wait: Callable[[float], None], url: str, tries: int) -> None:
        self._wait = wait
        self._url = url
        self._tries = tries
        self._lost = 0

    def gained(self) -> None:
        """Resets the count, because bytes have arrived."""
        self._lost = 0

    def lost(self, error: BaseException) -> None:
        """Waits before the next try. Raises `model_missing` after the last try."""
        self._lost += 1
        pause = THIRD_TRY_DELAY_S * 2 ** (self._lost - 2) if self._lost > 1 else 0.0
        asked = None
        if isinstance(error, urllib.error.HTTPError):
            asked = retry_after(error.headers)
            pause = pause or THIRD_TRY_DELAY_S
            error.close()
        if self._lost >= self._tries or (asked or 0.0) > MAX_PAUSE_S:
            raise unreachable(self._url, error, asked) from error
        self._wait(min(MAX_PAUSE_S, max(pause, asked or 0.0)))


def unreachable(url: str, error: BaseException, after_s: float | None = None) -> HushdError:
    """Returns the error for a server that has not answered, or asks to wait for `after_s` seconds."""
    return HushdError(
        "model_missing",
        f"{host(url)} cannot be reached ({_why(error)}): try again "
        f"{'later' if after_s is None else f'in {after_s:.0f} s'}; a download continues where it stopped.",
        None if after_s is None else round(after_s * 1000),
    )


def refused(status: int, url: str, headers: Mapping[str, str] | Headers) -> HushdError:
    """Returns the error for a request that a server has refused for good."""
    why = headers.get("X-Error-Message", "").strip()
    if status in (401, 403):
        sentence = (
            f"{host(url)} does not give {url} to everybody{f' ({why})' if why else ''}: accept its licence on its "
            "page there, set HF_TOKEN, and have hushd take that over by `hushd restart`."
        )
    elif status in (404, 410):
        sentence = f"There is nothing at {url}{f' ({why})' if why else ''}."
    else:
        sentence = f"{host(url)} answers {status} to the request for {url}."
    return HushdError("model_missing", sentence)


def retry_after(headers: Mapping[str, str] | Headers) -> float | None:
    """Returns the seconds that a server asks to wait; None if it asks for none."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None


def host(url: str) -> str:
    """Returns the server's name in `url`, for people."""
    return urllib.parse.urlsplit(url).hostname or url


def total(headers: Headers) -> int | None:
    """Returns the size of the whole file, from the headers of an answer with all or the end of it; None if they lack
    it."""
    end = headers.get("Content-Range", "").rpartition("/")[2]
    value = end if end.isdigit() else headers.get("Content-Length", "")
    return int(value) if value.isdigit() else None


def _why(error: BaseException | None) -> str:
    """Returns the reason of a failed request: the system's, if it is the cause of any of the errors."""
    sentence = ""
    while error is not None:
        if isinstance(error, urllib.error.HTTPError):
            return f"it answers {error.code}"
        if (response := getattr(error, "response", None)) is not None:
            return f"it answers {response.status_code}"
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return "it sends nothing"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        sentence = sentence or reason(error)
        inner = error.reason if isinstance(error, urllib.error.URLError) else None
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return sentence
