"""The last comparison of models quotes its user, so it is answered to their programs on this machine alone."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_gateway.http import create_app, web_page
from hushd_schema import comparison
from hushd_schema.settings import HttpSettings, Settings
from support.tuned_models import COMPARISON, keep

ORIGIN = "https://chat.example.org"
HTTP = HttpSettings(hosts=("voice.example.org",), origins=(ORIGIN,))
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says whose program is at the other end")


@pytest.fixture
def kept(runtime: Path) -> Path:
    """The state folder, with a comparison."""
    keep(runtime / "state")
    return runtime / "state"


@pytest.fixture
def ends() -> Iterator[dict[str, Any]]:
    """A connection of this process, as the application sees it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as program,
    ):
        yield {"client": program.getsockname(), "server": program.getpeername()}


def ask(ends: dict[str, Any], token: str = "", **headers: str) -> Any:
    """The answer's `comparison`; its status if that is not 200."""
    app = create_app(object(), Settings(http=HTTP), token)  # type: ignore[arg-type]
    sent: list[dict[str, Any]] = []

    parts = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for part in parts:
            return part
        return await asyncio.get_running_loop().create_future()  # the client stays

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.lower().encode(), value.encode()) for name, value in ({"Host": "localhost:8000"} | headers).items()]
    scope = {
        "type": "http", "method": "GET", "path": "/v1/tuned", "query_string": b"", "scheme": "http", "headers": pairs,
        **ends,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    if sent[0]["status"] != 200:
        return sent[0]["status"]
    assert (b"cache-control", b"no-store") in sent[0]["headers"]
    return json.loads(sent[1]["body"])["comparison"]


@linux
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_the_users_own_program_gets_it(kept: Path, ends: dict[str, Any], host: str) -> None:
    """By each name of this machine that leads nowhere else."""
    assert ask(ends, Host=host) == COMPARISON.data()


DAMAGED = [b"", b"{", b"[]", b'{"models": 3}', b"[" * 10_000, b'{"models": [{"wrong": [3]}]}']


@pytest.mark.parametrize("content", [None, *DAMAGED])
def test_without_a_comparison_there_is_none(runtime: Path, ends: dict[str, Any], content: bytes | None) -> None:
    """Before the first one, after `--forget`, and where the file is damaged."""
    if content is not None:
        keep(runtime / "state")
        comparison.path(runtime / "state").write_bytes(content)
    assert ask(ends) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "voice.example.org"},
        {"Host": "192.168.1.5:8000"},
        {"Origin": ORIGIN},
        {"Origin": "http://localhost:8000"},
        {"X-Forwarded-For": "192.168.1.9"},
        {"Forwarded": "for=192.168.1.9"},
        {"Via": "1.1 proxy"},
    ],
)
@pytest.mark.parametrize("token", ["", "s3cret"])
def test_whoever_may_pass_it_on_gets_none(
    kept: Path, ends: dict[str, Any], headers: dict[str, str], token: str
) -> None:
    """A page of another origin, though the configuration allows it; a proxy; another name; with the token too."""
    assert ask(ends, token, **headers | {"x-api-key": token}) is None


def test_another_machine_gets_none(kept: Path) -> None:
    """With the token too, whatever name it calls."""
    ends = {"client": ("192.168.1.9", 40_000), "server": ("192.168.1.5", 8000)}
    assert ask(ends, "s3cret", **{"x-api-key": "s3cret"}) is None


@linux
def test_another_user_gets_none(kept: Path, ends: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a program of which the kernel does not say whose it is; with the token both do."""
    unknown = ends | {"client": ("127.0.0.1", 1)}
    assert ask(unknown) is None
    another = os.getuid() + 1
    monkeypatch.setattr(web_page.os, "getuid", lambda: another)
    assert ask(ends) is None
    for each in (ends, unknown):
        assert ask(each, "s3cret", **{"x-api-key": "s3cret"}) == COMPARISON.data()
        assert ask(each, "s3cret") == 401
