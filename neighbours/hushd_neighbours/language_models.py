"""Servers of language models: ollama, llama-server, llama-swap, LocalAI, vLLM and LM Studio."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from . import processes
from .holding import ANY_CARD, Answer, Failed, Holding
from .server import Server

_USUAL_KEEP_S = 300.0  # ollama's OLLAMA_KEEP_ALIVE where nobody sets it
_FOREVER_S = timedelta(days=3650).total_seconds()  # a negative keep_alive is some centuries
_HELD = ("loaded", "loading", "sleeping")  # states of a router's model


def measured(server: Server, port: int = 0) -> Holding:
    """A holding of no name with the memory of the process that listens at a port of this machine; else of nothing."""
    pid = processes.listener(port or server.port) if server.local else ""
    return Holding("", processes.memory(pid), processes.on_cards(pid)) if pid else Holding("")


def of_program(server: Server, model: str, port: int) -> Holding:
    """A model that is a program at a port of its own, with the memory and the last use that the kernel knows."""
    if not port or not server.local:
        return Holding(model)
    idle_s = processes.idle_s(port)
    return measured(server, port)._replace(model=model, idle_s=idle_s, in_use=None if idle_s is None else idle_s == 0)


def shared(whole: Holding, models: Iterable[str]) -> list[Holding]:
    """The models of one process, each with an equal part of its memory: nobody knows the true ones."""
    names = [*models]
    cards = {card: size // len(names) for card, size in whole.cards.items()} if names else {}
    return [whole._replace(model=name, ram=whole.ram // len(names), cards=cards) for name in names]


# --- ollama -----------------------------------------------------------------------------------------------------


def ollama(server: Server) -> list[Holding]:
    """The models of `GET /api/ps`. Their last request is known by the end of their time, if that is the usual one.

    A request that runs beyond it keeps the model. Ollama ends what runs before it unloads.
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
    if left_s > _USUAL_KEEP_S:  # somebody has set another time, and it is not known since when the model is idle
        return holding._replace(pinned=left_s > _FOREVER_S)
    return holding._replace(in_use=left_s < 0, idle_s=_USUAL_KEEP_S - left_s if left_s >= 0 else None)


def ollama_give(server: Server, holding: Holding) -> None:
    server.tell("POST", "/api/generate", {"model": holding.model, "keep_alive": 0})


# --- llama-server -----------------------------------------------------------------------------------------------


def llama_server(server: Server) -> list[Holding]:
    """The models of `GET /models`; a server that was started with one of its own, not as a router, cannot unload it."""
    rows = server.get("/models").rows("data")
    if any(row.text("owned_by") != "llamacpp" for row in rows):
        raise rows[0].wrong()
    if rows and "status" not in rows[0].value:
        return [measured(server)._replace(model=rows[0].name("id"), pinned=True)]
    return [_of_router(server, row) for row in rows if row.row("status").text("value") in _HELD]


def _of_router(server: Server, row: Answer) -> Holding:
    """A router's model, which is a process of its own.

    On this machine its connections say whether it works and since when it does not; elsewhere its slots do.
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
    """Returns whether any slot of a model is taken; None where its server was told to keep that to itself."""
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
    """The models of `GET /running`, each a program that listens at the port of its `proxy`."""
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
    """The models of `GET /system`, with their state and memory of `GET /backend/monitor`."""
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
    """The model, unless it sleeps. Asleep it has left the card, and its weights lie in RAM: that gives none."""
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
    """Returns whether any request runs or waits, by the server's figures for Prometheus; None without these."""
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
    """Has it sleep when its requests have ended; older ones know no `mode`, and drop them."""
    server.tell("POST", "/sleep?level=1&mode=wait")


def vllm_wake(server: Server, _: str) -> None:
    server.tell("POST", "/wake_up")


# --- LM Studio --------------------------------------------------------------------------------------------------


def lmstudio(server: Server) -> list[Holding]:
    """The loaded instances of `GET /api/v1/models`; whether a model lies in RAM or on a card is not said."""
    return [
        Holding(instance.name("id"), model.size("size_bytes"), {ANY_CARD: model.size("size_bytes")})
        for model in server.get("/api/v1/models").rows("models")
        for instance in model.rows("loaded_instances")
    ]


def lmstudio_give(server: Server, holding: Holding) -> None:
    server.tell("POST", "/api/v1/models/unload", {"instance_id": holding.model})
