"""The attributes of uvicorn's undocumented classes on which the gateway rests, against the release installed here."""

from __future__ import annotations

import ast
import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hushd_gateway import uvicorn_internals
from hushd_gateway.uvicorn_internals.web_socket import _Message
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.wsproto_impl import WebsocketBuffer, WSProtocol
from uvicorn.server import ServerState

FOLDER = Path(uvicorn_internals.__file__).parent
# By what the attributes belong to, as the source writes it: of hushd's classes `self` and `super()`, and what is
# overridden.
USED = {
    "Patient": {"connection_lost", "pause_writing", "resume_writing", "transport"},
    "_Http": {
        "_unset_keepalive_if_required", "conn", "connection_lost", "connection_made", "cycle", "data_received",
        "handle_events", "headers", "on_response_complete", "scope", "send_400_response", "server_state",
        "transport",
    },
    "WebSocket": {
        "buffer", "close_sent", "close_timer", "conn", "connection_lost", "data_received", "handle_close",
        "handle_message", "handle_ping", "handshake_complete", "keepalive_timeout", "loop", "pause_writing",
        "pong_timer", "queue", "read_paused", "receive", "response_started", "resume_writing", "send_500_response",
        "send_keepalive_ping", "transport", "writable",
    },
    "self.cycle": {"body", "disconnected", "response_complete", "scope", "transport"},
    "self.buffer": {"clear", "length"},
    "self._config": {"encoded_headers", "load"},
    "self._state": {"connections", "default_headers", "tasks"},
}  # fmt: skip


async def _app(scope: Any, receive: Any, send: Any) -> None: ...


@cache
def _installed() -> dict[str, set[str]]:
    """The attributes that uvicorn's own have, as it makes them, by the keys of USED."""

    async def make() -> dict[str, Any]:
        config = uvicorn.Config(_app, lifespan="off", log_config=None, ws="wsproto")
        config.load()
        state = ServerState()
        http, web_socket = H11Protocol(config, state, {}), WSProtocol(config, state, {})
        cycle = RequestResponseCycle(
            {}, http.conn, None, None, None, None, False, [], asyncio.Event(), lambda: None  # type: ignore[arg-type]
        )  # fmt: skip
        return {
            "Patient": http, "_Http": http, "WebSocket": web_socket, "self.cycle": cycle,
            "self.buffer": WebsocketBuffer(1), "self._config": config, "self._state": state,
        }  # fmt: skip

    return {name: set(dir(made)) for name, made in asyncio.run(make()).items()}


def _classes() -> list[ast.ClassDef]:
    trees = [ast.parse(path.read_text()) for path in FOLDER.glob("*.py")]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def _named(owner: str) -> set[str]:
    """The attributes that the sources take of an owner, hushd's own included."""
    if "." in owner:
        nodes = [node for made in _classes() for node in ast.walk(made)]
        return {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == owner}
    (made,) = [made for made in _classes() if made.name == owner]
    of_self = {
        node.attr
        for node in ast.walk(made)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "super()")
    }
    overridden = {node.name for node in made.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in of_self | overridden if not name.startswith("__")}


@pytest.mark.parametrize("owner", USED)
def test_the_installed_release_has_what_is_used(owner: str) -> None:
    """Each attribute by its name, in what uvicorn makes; and the sources use no other of uvicorn's."""
    assert USED[owner] - _installed()[owner] == set()
    assert _named(owner) & _installed()[owner] == USED[owner]


def test_the_buffer_of_a_message_has_all_that_uvicorns_has() -> None:
    """It takes its place, so uvicorn may ask it for anything that uvicorn's own offers."""
    public = {name for name in dir(WebsocketBuffer) if not name.startswith("_")}
    assert public - set(dir(_Message)) == set()


def test_nothing_else_imports_uvicorns_protocols() -> None:
    """Of the whole gateway and the agents' server this folder alone names a module below `uvicorn`."""
    named = set()
    for path in (*FOLDER.parents[1].glob("hushd_*/**/*.py"),):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named |= {path.parent for module in modules if module.startswith("uvicorn.")}
    assert named == {FOLDER}
