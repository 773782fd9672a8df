"""Requests of strangers: by the name they call, the page they come from, and the token."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import pytest
from hushd_gateway import callers, log
from hushd_gateway.http import create_app
from hushd_gateway.http.realtime import client_secrets
from hushd_schema.settings import HttpSettings, Settings

ORIGIN = "https://chat.example.org"
HTTP = HttpSettings(hosts=("voice.example.org",), origins=(ORIGIN,))


class Nobody:
    """A client that must not be asked."""


def ask(
    headers: dict[str, str], method: str = "POST", path: str = "/v1/nowhere", token: str = "", **scope: Any
) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer; 404 is that of the application behind the authorisation."""
    app = create_app(Nobody(), Settings(http=HTTP), token, own_only=True)  # type: ignore[arg-type]
    sent: list[dict[str, Any]] = []

    parts = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for part in parts:
            return part
        return await asyncio.get_running_loop().create_future()  # the client stays

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "client": None,
        "server": None,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "subprotocols": [],
        **scope,
    }
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    first = sent[0]
    found = {name.decode(): value.decode() for name, value in first.get("headers", [])}
    return int(first.get("status", 0)), found


LOCALHOST = {"Host": "localhost:8000"}


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.evil.example"])
def test_a_rebound_name_is_refused(host: str) -> None:
    """A page whose own name resolves to this machine still sends that name."""
    assert ask({"Host": host})[0] == 403
    assert ask({})[0] == 403


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:3000"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Content-Type": "text/plain"},
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_of_a_stranger_is_refused(method: str, headers: dict[str, str]) -> None:
    """The page is refused even what a browser sends without a preflight: a GET, and a simple POST."""
    assert ask(LOCALHOST | headers, method)[0] == 403


def test_a_configured_page_may_ask() -> None:
    """Its preflight is answered without the token, which a browser never sends with one; its requests need it."""
    page = LOCALHOST | {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
    preflight = page | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    status, headers = ask(preflight, "OPTIONS", token="secret")
    assert (status, headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert ask(page, token="secret")[0] == 401
    status, headers = ask(page | {"Authorization": "Bearer secret"}, token="secret")
    assert (status, headers["access-control-allow-origin"]) == (404, ORIGIN)


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer secre", "Bearer secrets", "secret ", "Bearer sécret"])
def test_without_the_token_nothing_is_served(sent: str) -> None:
    """Only `/health` says that somebody is here."""
    headers = LOCALHOST | ({"Authorization": sent} if sent else {})
    expected = 404 if sent == "secret " else 401  # the word Bearer may be missing
    status, answered = ask(headers, token="secret")
    assert status == expected
    assert status == 404 or answered["www-authenticate"] == "Bearer"
    assert ask(headers, "GET", "/health", token="secret")[0] == 200


@pytest.mark.parametrize(("path", "token", "status"), [
    ("/v1/nowhere", "", 403), ("/v1/nowhere", "secret", 404), ("/health", "", 200), ("/", "", 200),
])  # fmt: skip
def test_another_user_of_the_machine_needs_the_token(
    path: str, token: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "is_ours", lambda *_: False)
    assert ask(LOCALHOST | {"x-api-key": token}, "GET", path, token)[0] == status


def test_websockets_are_checked_by_themselves() -> None:
    """They know no CORS: the same checks apply, and the token may come as a subprotocol, of the page in base64."""
    socket = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    assert ask(LOCALHOST | {"Origin": "https://evil.example"}, **socket)[0] == 403
    assert ask({"Host": "evil.example"}, **socket)[0] == 403
    assert ask(LOCALHOST, token="secret", **socket)[0] == 401
    key = "openai-insecure-api-key."
    assert ask(LOCALHOST, token="secret", **socket, subprotocols=["realtime", key + "secret"])[0] != 401
    coded = "hushd-token." + base64.urlsafe_b64encode(b"sec/ret").decode().rstrip("=")
    for secret, refused in (("sec/ret", False), ("secret", True)):
        status = ask(LOCALHOST, token=secret, **socket, subprotocols=["realtime", coded])[0]
        assert (status == 401) is refused


SOCKET = {"type": "websocket", "extensions": {"websocket.http.response": {}}}


@pytest.mark.parametrize("secret", ["A", "AAAAA", "*", "=", "====", "é", "\ud800", "%00", "A" * 9_001])
@pytest.mark.parametrize("kind", ["hushd-token.", "openai-insecure-api-key."])
def test_a_secret_that_cannot_be_read_is_none(kind: str, secret: str) -> None:
    """It is refused in the API's form, and nothing of it is an error of hushd's."""
    assert ask(LOCALHOST, token="secret", **SOCKET, subprotocols=["realtime", kind + secret])[0] == 401


@pytest.mark.parametrize("failure", [OSError("No."), ValueError("No."), KeyError("No."), RecursionError("No.")])
def test_every_failure_before_a_route_has_the_form_of_the_api(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise failure

    told: list[BaseException] = []
    monkeypatch.setattr(callers, "is_ours", fail)
    monkeypatch.setattr(log, "report", lambda error, what: told.append(error))
    for scope in ({}, SOCKET):
        status, headers = ask(LOCALHOST, **scope)
        assert (status, headers["content-type"]) == (500, "application/json")
    assert told == [failure] * 2


def test_secrets_that_have_expired_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSHD_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(client_secrets, "MAX_SECRETS", 3)
    monkeypatch.setattr(callers, "is_ours", lambda *_: True)
    make = [ask(LOCALHOST, path="/v1/realtime/client_secrets")[0] for _ in range(4)]
    assert make == [200, 200, 200, 429]
    for path in tmp_path.glob("client_secrets/*"):
        os.utime(path, (0, 0))
    assert ask(LOCALHOST, path="/v1/realtime/client_secrets")[0] == 200


def test_a_client_secret_opens_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any page to which its maker has given it may, once; it opens no request, and no session that is late."""
    monkeypatch.setenv("HUSHD_RUNTIME_DIR", str(tmp_path))
    socket = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    page = LOCALHOST | {"Origin": "https://evil.example"}

    def made() -> str:
        answer = ask(LOCALHOST | {"Authorization": "Bearer secret"}, path="/v1/realtime/client_secrets", token="secret")
        assert answer[0] == 200
        return next(tmp_path.glob("client_secrets/ek_*")).name

    def opened(secret: str, **more: Any) -> int:
        scope = {"subprotocols": ["realtime", f"openai-insecure-api-key.{secret}"], **socket, **more}
        return ask(page, token="secret", **scope)[0]

    secret = made()
    assert opened(secret[:-1]) == opened("ek_../secret") == opened(secret, type="http") == 403
    assert ask(LOCALHOST | {"Authorization": f"Bearer {secret}"}, token="secret")[0] == 401
    assert opened(secret) != 403
    assert opened(secret) == 403
    secret = made()
    os.utime(tmp_path / "client_secrets" / secret, (0, 0))
    assert opened(secret) == 403
    for path in [*tmp_path.glob("client_secrets/*")]:
        path.unlink()
