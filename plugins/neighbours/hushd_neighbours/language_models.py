"""Servers of language models: ollama, llama-server, llama-swap, LocalAI, vLLM and LM Studio."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from . import processes
from .holding import ANY_CARD, Answer, Failed, Holding
from .server import Server

_DEFAULT_KEEP_S = 300.0  # ollama's default of OLLAMA_KEEP_ALIVE
_FOREVER_S = timedelta(days=3650).total_seconds()  # a negative keep_alive means some centuries
_HELD = ("loaded", "loading", "sleeping")  # states of a router's model


def measured(server: Server, port: int = 0) -> Holding:
    """Returns a holding without a name, with the memory of the process that listens at a port of this machine, if
    any."""
    pid = processes.listener(port or server.port) if server.local else ""
    return Holding("", processes.memory(pid), processes.on_cards(pid)) if pid else Holding("")


def of_program(server: Server, model: str, port: int) -> Holding:
    """Returns a model that is a program with its own port, with its memory and last use by the kernel."""
    if not port or not server.local:
        return Holding(model)
    idle_s = processes.idle_s(port)
    return measured(server, port)._replace(model=model, idle_s=idle_s, in_use=None if idle_s is None else idle_s == 0)


def shared(total: Holding, models: Iterable[str]) -> list[Holding]:
    """Returns the models of one process, each with an equal part of its memory, since the true parts are unknown."""
    names = [*models]
    cards = {card: size // len(names) for card, size in total.cards.items()} if names else {}
    return [total._replace(model=name, ram=total.ram // len(names), cards=cards) for name in names]


# --- ollama -----------------------------------------------------------------------------------------------------


def ollama(server: Server) -> list[Holding]:
    """Lists the models of `GET /api/ps`. Their expiry tells their last request, if they have the default keep_alive.

    A request that runs beyond it keeps the model. Ollama finishes running requests before it unloads.
    """
    return [_of_ollama(row) for row in server.get("/api/ps").rows("models")]


def _of_ollama(row: Answer) -> Holding:
    size, on_card = row.size("size"), row.size("size_vram")
    cards = {ANY_CARD: on_card} if on_card else {}
    holding = Holding(row.name("model"), max(0, size - on_card), cards)
    try:
        left_s = (datetime.fromisoformat(row.text("expires_at")) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):  # TypeError: a time without its zone
        raise row.wrong() from None
    if left_s > _DEFAULT_KEEP_S:  # another keep_alive, so the idle time is unknown
        return holding._replace(pinned=left_s > _FOREVER_S)
    return holding._replace(in_use=left_s < 0, idle_s=_DEFAULT_KEEP_S - left_s if left_s >= 0 else None)


def ollama_give(server: Server, holding: Holding) -> None:
    server.tell("POST", "/api/generate", {"model": holding.model, "keep_alive": 0})


# --- llama-server -----------------------------------------------------------------------------------------------


def llama_server(server: Server) -> list[Holding]:
    """Lists the models of `GET /models`; a server that was started with one model, not as a router, cannot unload
    it."""
    rows = server.get("/models").rows("data")
    if any(row.text("owned_by") != "llamacpp" for row in rows):
        raise rows[0].wrong()
    if rows and "status" not in rows[0].value:
        return [measured(server)._replace(model=rows[0].name("id"), pinned=True)]
    return [_of_router(server, row) for row in rows if row.row("status").text("value") in _HELD]


def _of_router(server: Server, row: Answer) -> Holding:
    """Returns a router's model, which is a separate process.

    On this machine its connections tell whether it works, or how long it has been idle; elsewhere its slots do.
    """
    status, model = row.row("status"), row.name("id")
    words = status.many("args")
    port = words[words.index("--port") + 1] if "--port" in words[:-1] else ""
    holding = of_program(server, model, int(port) if isinstance(port, str) and port.isdecimal() else 0)
    state = status.text("value")
    if state != "loaded":
        return holding._replace(in_use=state == "loading")
    return holding if holding.in_use is not None else holding._replace(in_use=_works(server, model))


def _works(server: Server, model: str) -> bool | None:
    """Returns whether any slot of a model is used; None if its server is configured not to report that."""
    path = f"/slots?model={quote(model, safe='')}&autoload=false"
    try:
        slots = server.get(path)
        if not isinstance(slots.value, list):
            raise slots.wrong()
        return any(Answer(slot, path).flag("is_processing") for slot in slots.value)
    except Failed:
        return None


def llama_server_give(server: Server, holding: Holding) -> None:
    server.tell("POST", "/models/unload", {"model": holding.model})


# --- llama-swap -------------------------------------------------------------------------------------------------


def llama_swap(server: Server) -> list[Holding]:
    """Lists the models of `GET /running`, each a program that listens at the port of its `proxy`."""
    return [_of_swap(server, row) for row in server.get("/running").rows("running")]


def _of_swap(server: Server, row: Answer) -> Holding:
    try:
        place = urlsplit(row.text("proxy"))
        port = place.port or 0
    except ValueError:
        raise row.wrong() from None
    holding = of_program(server, row.name("model"), port)
    return holding if row.text("state") == "ready" else holding._replace(in_use=True)


def llama_swap_give(server: Server, holding: Holding) -> None:
    server.tell("POST", f"/api/models/unload/{quote(holding.model)}")


# --- LocalAI ----------------------------------------------------------------------------------------------------

_BUSY, _READY = 1, 2


def localai(server: Server) -> list[Holding]:
    """Lists the models of `GET /system`, with their state and memory from `GET /backend/monitor`."""
    names = [row.name("id") for row in server.get("/system").rows("loaded_models")]
    return [_of_localai(server, holding) for holding in shared(measured(server), names)]


def _of_localai(server: Server, holding: Holding) -> Holding:
    try:
        answer = server.get(f"/backend/monitor?model={quote(holding.model, safe='')}")
        state, size = answer.size("state"), answer.row("memory").size("total") if "memory" in answer.value else 0
    except Failed:  # an external backend has no state
        return holding
    in_use = {_BUSY: True, _READY: False}.get(state)
    return holding._replace(in_use=in_use, ram=size or holding.ram)


def localai_give(server: Server, holding: Holding) -> None:
    server.tell("POST", "/backend/shutdown", {"model": holding.model})


# --- vLLM -------------------------------------------------------------------------------------------------------

_REQUESTS = ("vllm:num_requests_running", "vllm:num_requests_waiting")


def vllm(server: Server) -> list[Holding]:
    """Lists the model, unless it sleeps: then it has left the card, and its weights are in RAM, which it cannot
    free."""
    status, _ = server.call("GET", "/is_sleeping")
    if status == 404:
        raise Failed("The server cannot sleep: start vLLM with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode.")
    if server.get("/is_sleeping").flag("is_sleeping"):
        return []
    rows = server.get("/v1/models").rows("data")
    if not rows:
        return []
    return [measured(server)._replace(model=rows[0].name("id"), ram=0, in_use=_requests(server))]


def _requests(server: Server) -> bool | None:
    """Returns whether any request runs or waits, by the server's Prometheus metrics; None without them."""
    status, data = server.call("GET", "/metrics")
    if status != 200:
        return None
    counts = [
        line.rpartition(" ")[2] for line in data.decode(errors="replace").splitlines() if line.startswith(_REQUESTS)
    ]
    try:
        return any(float(count) > 0 for count in counts) if counts else None
    except ValueError:
        return None


def vllm_give(server: Server, _: Holding) -> None:
    """Makes the server sleep when its requests have ended; older versions ignore `mode`, and drop the requests."""
    server.tell("POST", "/sleep?level=1&mode=wait")


def vllm_wake(server: Server) -> None:
    server.tell("POST", "/wake_up")


# --- LM Studio --------------------------------------------------------------------------------------------------


def lmstudio(server: Server) -> list[Holding]:
    """Lists the loaded instances of `GET /api/v1/models`, which does not tell whether a model is in RAM or on a
    card."""
    return [
        Holding(instance.name("id"), model.size("size_bytes"), {ANY_CARD: model.size("size_bytes")})
        for model in server.get("/api/v1/models").rows("models")
        for instance in model.rows("loaded_instances")
    ]


def lmstudio_give(server: Server, holding: Holding) -> None:
    server.tell("POST", "/api/v1/models/unload", {"instance_id": holding.model})
