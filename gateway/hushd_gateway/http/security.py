"""Decides which requests are allowed: by `Host`, by the page that sends them, and by the token.

A web page can reach a server on its reader's machine without asking. Its own host name can resolve to this machine, and
then the browser takes its requests for same-origin ones: so `Host` is checked. Browsers send forms and plain POSTs
without a preflight, so refusing CORS is not enough: `Origin` and `Sec-Fetch-Site` are checked on each request.
CORS does not exist for WebSockets: the same checks apply to them.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from hushd_protocol import hosts
from hushd_protocol.errors import HushdError
from hushd_schema.settings import HTTP_TOKEN
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hushd_gateway import callers, log

from . import web_page
from .errors import ApiError
from .realtime import client_secrets

OPEN = ("/health", *web_page.FILES)  # need no token
SEND_TIMEOUT_S = 60.0  # seconds for a program that does not read its answer
_SHARE = f"set {HTTP_TOKEN} or [http] token_file, and send that secret"
KEY = "openai-insecure-api-key."
CODED_KEY = "hushd-token."  # prefix of the page's key in base64: a token may have letters that no subprotocol has


class Authorisation:
    """Admits requests that carry the token and do not come from a foreign web page.

    Args:
        names: this machine's names, besides localhost and addresses.
        origins: the web pages that may send requests.
        token: the one that requests must carry; empty for none.
        own_only: whether without a token requests of this user's programs alone are admitted.
    """

    def __init__(
        self, app: ASGIApp, names: Collection[str], origins: Collection[str], token: str, own_only: bool = False
    ) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._token = token
        self._own_only = own_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Checks and serves a request, whose every failure is answered in the API's form; of an unexpected one the log
        has only kind and place, since its text may have speech."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if started and isinstance(error, OSError):
                return  # the program has left, or does not read (TimeoutError)
            if not isinstance(error, ApiError | HushdError):
                log.report(error, "an HTTP request")
                error = ApiError(500, "hushd failed at this request: its log says where.", code="internal_error")
            if not started:
                await _refuse(error if isinstance(error, ApiError) else ApiError.of(error), scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = hosts.headers_of(scope["headers"])
        host = headers.get("host", "")
        if not hosts.is_allowed(host, self._names):
            raise ApiError(
                403, "This name is not one of hushd's: call it by its address, or add the name to [http] hosts."
            )
        keys = [
            *hosts.sent_secrets(headers.get("authorization", ""), headers.get("x-api-key", "")),
            *_offered(scope.get("subprotocols", ())),
        ]
        if scope["type"] == "websocket":
            for session in map(client_secrets.redeem, keys):
                if session is not None:
                    scope["session"] = session  # any page may have it: this user's program has given it the secret
                    return
        if not _follows_link(scope, headers):
            self._check_page(headers, host)
        preflight = scope.get("method") == "OPTIONS" and "access-control-request-method" in headers
        if not preflight and scope["path"] not in OPEN and not self._authorised(scope, keys):
            if not self._token:
                raise ApiError(403, f"Another user of this machine sent this request: {_SHARE}.")
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

    def _authorised(self, scope: Scope, keys: Iterable[str | bytes]) -> bool:
        if not self._token:
            return not self._own_only or callers.is_ours(scope["client"], scope["server"])
        return any(hosts.same_secret(key, self._token) for key in keys)


def _offered(subprotocols: Iterable[str]) -> Iterator[str | bytes]:
    """Yields the secrets in a WebSocket's subprotocols, since browsers cannot send headers with one."""
    for each in subprotocols:
        if each.startswith(KEY):
            yield each[len(KEY) :]
        elif each.startswith(CODED_KEY):
            with suppress(ValueError):  # it is not base64, and so no secret
                yield urlsafe_b64decode(each[len(CODED_KEY) :] + "==")


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
    # An HTTP answer refuses a WebSocket before the upgrade.
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    start = {"type": "websocket.http.response.start", "status": error.status, "headers": response.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": response.body})
