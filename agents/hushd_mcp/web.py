"""`hushd mcp --http`: the same server for hosts that connect to a URL.

Its callers can listen to the microphone. So it serves only this computer, refuses requests from web pages and, if
HUSHD_MCP_TOKEN is set, requests without it. At other addresses the token is required.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from hushd_protocol import hosts
from hushd_protocol.errors import HushdError
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from hushd_mcp.work import TaskRegistry

from .server import build, take_signals

TOKEN = "HUSHD_MCP_TOKEN"
LOOPBACK = ("127.0.0.1", "::1", "localhost")  # the host names that `_security` accepts
BODY = 32 * 1024 * 1024  # bytes: 24 MB of audio in base64


def serve(address: str, patience: float | None, holder: str | None, announce: Callable[[str], None]) -> int:
    """Serves at `address`, HOST:PORT or a port of this computer, until a signal ends it.

    `announce` is called with a sentence once connections are accepted.

    Raises:
        HushdError: `bad_request` for an address that cannot be parsed, is taken, or needs a token.
    """
    host, port = parse(address)
    token = os.environ.pop(TOKEN, "")  # not passed on to a supervisor started from here, or its workers
    local = host in LOOPBACK
    if not local and not token:
        raise HushdError(
            "bad_request", f"Programs that can reach {host} could use your microphone: set {TOKEN} to a secret."
        )
    listener = _listen(host, port)
    tasks = TaskRegistry()
    take_signals(tasks.close, signal.SIGHUP)  # uvicorn handles the others
    app = build(tasks, patience, holder, local=local, shared=True).streamable_http_app(
        host=host, transport_security=_security(local), max_request_body_size=BODY
    )
    shown_host = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        Authorisation(app, token) if token else app, log_level="error", access_log=False, timeout_graceful_shutdown=1
    )
    try:
        _Web(config, tasks, lambda: announce(f"Serving at http://{shown_host}:{listener.getsockname()[1]}/mcp.")).run(
            sockets=[listener]
        )
    finally:
        tasks.close()
    return 0


def parse(address: str) -> tuple[str, int]:
    """Returns the host and port of `HOST:PORT`, `[::1]:PORT` or `PORT`.

    Raises:
        HushdError: `bad_request` for other texts.
    """
    host, _, port = address.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise HushdError("bad_request", f"{address!r} is not an address: write HOST:PORT, such as 127.0.0.1:8765.")
    return host, int(port)


class Authorisation:
    """Admits requests that carry the token, as `Authorization: Bearer TOKEN` or as `x-api-key: TOKEN`."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            sent = hosts.headers_of(scope["headers"])
            secrets = hosts.sent_secrets(sent.get("authorization", ""), sent.get("x-api-key", ""))
            if not any(hosts.same_secret(secret, self._token) for secret in secrets):
                headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)


class _Web(uvicorn.Server):
    """uvicorn's server; announces its address once it accepts connections, and stops speech at the signal that ends it,
    before the last connection has ended."""

    def __init__(self, config: uvicorn.Config, tasks: TaskRegistry, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._tasks = tasks
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        threading.Thread(target=self._tasks.close, daemon=True).start()  # it blocks, which a signal handler must not
        super().handle_exit(sig, frame)


def _security(local: bool) -> TransportSecuritySettings:
    """Protects against web pages whose host name resolves to this computer. Elsewhere the token does."""
    if not local:
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    names = ("127.0.0.1:*", "localhost:*", "[::1]:*")
    return TransportSecuritySettings(allowed_hosts=list(names), allowed_origins=[f"http://{name}" for name in names])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise HushdError("bad_request", f"The address {host}:{port} cannot be used ({error.strerror}).") from error
