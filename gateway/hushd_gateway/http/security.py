"""Decides which requests are allowed: by `Host`, by the page that sends them, by the token, and by their number.

A web page can reach a server on its reader's machine without asking. Its own host name can resolve to this machine, and
then the browser takes its requests for same-origin ones: so `Host` is checked. Browsers send forms and plain POSTs
without a preflight, so refusing CORS is not enough: `Origin` and `Sec-Fetch-Site` are checked on each request.
CORS does not exist for WebSockets: the same checks apply to them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from hushd_protocol import hosts
from hushd_protocol.errors import HushdError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hushd_gateway import log

from . import web_page
from .errors import ApiError
from .realtime import client_secrets

OPEN = ("/health", *web_page.FILES)  # need no token
LOCAL = 256  # concurrent requests and WebSockets of this machine,
FOREIGN = 64  # and of one address of another machine
SESSIONS = 64  # of these, WebSockets
RETRY_S = 1
SEND_S = 60.0  # for a program that does not read its answer
KEY = "openai-insecure-api-key."  # a subprotocol: browsers cannot send headers with a WebSocket


class Authorisation:
    """Admits requests that carry the token and do not come from a foreign web page.

    Args:
        names: this machine's names, besides localhost and addresses.
        origins: the web pages that may send requests.
        token: the one that requests must carry; empty for none.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], origins: Collection[str], token: str) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._token = token
        self._limits = {"http": ConcurrencyLimit(LOCAL, FOREIGN), "websocket": ConcurrencyLimit(SESSIONS, FOREIGN)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        crowd = self._limits[scope["type"]]
        try:
            self._check(scope)
            if (address := crowd.enter(scope)) is None:
                sentence = "Too many requests from this address are under way: wait for some."
                raise ApiError(429, sentence, retry_after=RETRY_S)
        except ApiError as error:
            await _refuse(error, scope, receive, send)
            return
        try:
            await _Quiet(self._app)(scope, receive, send)
        finally:
            crowd.leave(address)

    def _check(self, scope: Scope) -> None:
        headers = hosts.headers_of(scope["headers"])
        host = headers.get("host", "")
        if not hosts.is_allowed(host, self._names):
            raise ApiError(
                403, "This name is not one of hushd's: call it by its address, or add the name to [http] hosts."
            )
        if not _follows_link(scope, headers):
            self._check_page(headers, host)
        preflight = scope.get("method") == "OPTIONS" and "access-control-request-method" in headers
        if not preflight and scope["path"] not in OPEN and not self._authorised(scope, headers):
            raise ApiError(
                401, "Send hushd's token: Authorization: Bearer TOKEN, or x-api-key: TOKEN.", code="invalid_api_key"
            )

    def _check_page(self, headers: Mapping[str, str], host: str) -> None:
        origin = headers.get("origin")
        if origin is not None:
            if origin.lower() in self._origins or _same(origin, host):
                return
        elif headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return
        raise ApiError(403, "A web page sent this request: add its origin to [http] origins if it may.")

    def _authorised(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        if not self._token:
            return True
        sent = keys_of(scope, headers)
        if scope["type"] == "websocket" and any(client_secrets.opened(key, self._token) is not None for key in sent):
            return True
        return any(hosts.same_secret(key, self._token) for key in sent)


def keys_of(scope: Scope, headers: Mapping[str, str]) -> list[str]:
    """Returns the secrets in a request's headers, and in a WebSocket's subprotocols."""
    offered = (each[len(KEY) :] for each in scope.get("subprotocols", ()) if each.startswith(KEY))
    return [*hosts.sent_secrets(headers.get("authorization", ""), headers.get("x-api-key", "")), *offered]


class ConcurrencyLimit:
    """Limits the concurrent requests of one kind by address; the programs of this machine have one limit together.

    Args:
        local: the limit for the programs of this machine.
        foreign: the limit for one address of another machine.
    """

    def __init__(self, local: int, foreign: int) -> None:
        self._local = local
        self._foreign = foreign
        self._counts: Counter[str] = Counter()

    def enter(self, scope: Scope) -> str | None:
        """Counts a request and returns its address for `leave`; None if there are too many."""
        address = (scope.get("client") or ("", 0))[0]
        is_local = not address or hosts.is_loopback(address.removeprefix("::ffff:"))
        if self._counts[address] >= (self._local if is_local else self._foreign):
            return None
        self._counts[address] += 1
        return address

    def leave(self, address: str) -> None:
        """Uncounts a request."""
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]


class _Quiet:
    """Reports an unexpected error by only its kind and place: its text may contain speech."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            async with asyncio.timeout(SEND_S):
                await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if started and isinstance(error, OSError):
                return  # the program has left, or does not read (TimeoutError)
            if not isinstance(error, ApiError | HushdError):
                name = scope.get("request_id", "")
                log.report(error, f"request {name}" if name else "an HTTP request")
                error = ApiError(500, "hushd failed at this request: its log says where.", code="internal_error")
            known = error if isinstance(error, ApiError) else ApiError.of(error)
            if not started:
                await _refuse(known, scope, receive, send)


def _follows_link(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Returns whether this is a link to hushd's page, followed on any site; the page's policy forbids frames."""
    follows = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return follows and scope.get("method") == "GET" and scope["path"] == web_page.PAGE and "origin" not in headers


def _same(origin: str, host: str) -> bool:
    """Returns whether a page of `origin` was served at `host`."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


async def _refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    response = error.response()
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    # Before the upgrade, a WebSocket is refused by an HTTP answer.
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    start = {"type": "websocket.http.response.start", "status": error.status, "headers": response.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": response.body})
