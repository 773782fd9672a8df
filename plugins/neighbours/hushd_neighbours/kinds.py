"""The kinds of servers: how each lists its models in memory, and unloads one.

Each is written from the server's published documentation and source; README.md names the versions, and those that have
been run. An answer of another shape raises KeyError, TypeError, ValueError or AttributeError, which `look` has in one
sentence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from . import processes
from .holding import ANY_CARD, Failed, Holding, bytes_in, name_in
from .server import Server

MAX_SERVER_MODELS = 256  # of a server
_FIRST_CHECK_S, _LATEST_CHECK_S = 0.02, 0.25  # pauses before it is checked again whether a model has gone
_DEFAULT_KEEP_S = 300.0  # ollama's default of OLLAMA_KEEP_ALIVE
_FOREVER_S = timedelta(days=3650).total_seconds()  # a negative keep_alive means some centuries


class Kind(NamedTuple):
    """A kind of server."""

    look: Callable[[Server], list[Holding]]
    give: Callable[[Server, Holding], None]


def look(server: Server, kind: str) -> list[Holding]:
    """Returns the models that a server holds; raises `Failed` if it does not say them."""
    try:
        return KINDS[kind].look(server)[:MAX_SERVER_MODELS]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Failed("The server's answer is not from this kind of server.") from None


def give(server: Server, kind: str, holding: Holding) -> None:
    """Unloads a model, and waits until the server no longer lists it. Raises Failed if it does not, or not in time."""
    KINDS[kind].give(server, holding)
    pause_s = _FIRST_CHECK_S
    while any(each.model == holding.model for each in look(server, kind)):
        if server.left_s() <= pause_s:
            raise Failed(f"The server says that it unloads {holding.model}, but still has it.")
        time.sleep(pause_s)
        pause_s = min(_LATEST_CHECK_S, pause_s * 2)


def measured(server: Server, port: int = 0) -> Holding:
    """Returns a holding without a name, with the memory of the process that listens at a port of this machine, if
    any."""
    pid = processes.listener(port or server.port) if server.local else 0
    return Holding("", processes.memory(pid), processes.on_cards(pid)) if pid else Holding("")


def of_program(server: Server, model: str, port: int) -> Holding:
    """Returns a model that is a program with its own port, with its memory and last use by the kernel."""
    if not port or not server.local:
        return Holding(model)
    idle_s = processes.idle_s(port)
    return measured(server, port)._replace(model=model, idle_s=idle_s, in_use=None if idle_s is None else idle_s == 0)


# --- ollama -----------------------------------------------------------------------------------------------------


def _ollama(server: Server) -> list[Holding]:
    """Lists the models of `GET /api/ps`. Their expiry tells their last request, if they have the default keep_alive.

    A request that runs beyond it keeps the model. Ollama finishes running requests before it unloads.
    """
    return [_of_ollama(row) for row in server.get("/api/ps")["models"]]


def _of_ollama(row: Any) -> Holding:
    size, on_card = bytes_in(row.get("size", 0)), bytes_in(row.get("size_vram", 0))
    holding = Holding(name_in(row["model"]), max(0, size - on_card), {ANY_CARD: on_card} if on_card else {})
    left_s = (datetime.fromisoformat(row["expires_at"]) - datetime.now(UTC)).total_seconds()
    if left_s > _DEFAULT_KEEP_S:  # another keep_alive, so the idle time is unknown
        return holding._replace(pinned=left_s > _FOREVER_S)
    return holding._replace(in_use=left_s < 0, idle_s=_DEFAULT_KEEP_S - left_s if left_s >= 0 else None)


# --- llama-server -----------------------------------------------------------------------------------------------


def _llama_server(server: Server) -> list[Holding]:
    """Lists the models of `GET /models`; a server that was started with one model, not as a router, cannot unload
    it."""
    rows = server.get("/models")["data"]
    if any(row["owned_by"] != "llamacpp" for row in rows):
        raise ValueError("another kind")
    if rows and "status" not in rows[0]:
        return [measured(server)._replace(model=name_in(rows[0]["id"]), pinned=True)]
    return [_of_router(server, row) for row in rows if row["status"]["value"] in ("loaded", "loading", "sleeping")]


def _of_router(server: Server, row: Any) -> Holding:
    """Returns a router's model, a process whose connections tell whether it works, or how long it has been idle."""
    status, words = row["status"], row["status"]["args"]
    port = words[words.index("--port") + 1] if "--port" in words[:-1] else "0"
    holding = of_program(server, name_in(row["id"]), int(port))
    return holding if status["value"] == "loaded" else holding._replace(in_use=status["value"] == "loading")


# --- llama-swap -------------------------------------------------------------------------------------------------


def _llama_swap(server: Server) -> list[Holding]:
    """Lists the models of `GET /running`, each a program that listens at the port of its `proxy`."""
    return [_of_swap(server, row) for row in server.get("/running")["running"]]


def _of_swap(server: Server, row: Any) -> Holding:
    holding = of_program(server, name_in(row["model"]), urlsplit(row["proxy"]).port or 0)
    return holding if row["state"] == "ready" else holding._replace(in_use=True)


KINDS = {
    "ollama": Kind(
        _ollama, lambda server, model: server.tell("/api/generate", {"model": model.model, "keep_alive": 0})
    ),
    "llama-server": Kind(_llama_server, lambda server, model: server.tell("/models/unload", {"model": model.model})),
    "llama-swap": Kind(_llama_swap, lambda server, model: server.tell(f"/api/models/unload/{quote(model.model)}")),
}
