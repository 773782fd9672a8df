"""Servers for pictures and for speech: ComfyUI and speaches."""

from __future__ import annotations

import time
from urllib.parse import quote

from .holding import ANY_CARD, Answer, Failed, Holding
from .language_models import measured, shared
from .server import Server

ALL = "all models"  # ComfyUI names none
_RUNTIME = 1 << 30  # bytes of Python, torch and the driver, which stay without models


def comfyui(server: Server) -> list[Holding]:
    """Lists all models as one, since `POST /free` unloads all; they work while `GET /prompt` has anything in its
    queue."""
    works = server.get("/prompt").row("exec_info").number("queue_remaining") > 0
    devices = server.get("/system_stats").rows("devices")
    cached = sum(device.size("torch_vram_total") for device in devices if device.text("type") != "cpu")
    total = measured(server)
    ram = max(0, total.ram - _RUNTIME)
    if not ram and not cached:
        return []
    cards = (total.cards or {ANY_CARD: cached}) if cached else {}
    return [Holding(ALL, ram, cards, None if works else _idle_s(server), works)]


def _idle_s(server: Server) -> float | None:
    """Returns the seconds since the last picture, by the history; None without one."""
    try:
        jobs = server.get("/history?max_items=1")
        if not isinstance(jobs.value, dict):
            raise jobs.wrong()
        [job] = jobs.value
        words = [word for word in jobs.row(job).row("status").many("messages") if isinstance(word, list)]
        times = [Answer(word[1], "GET /history").number("timestamp") for word in words if len(word) > 1]
        return max(0.0, time.time() - max(times) / 1000)
    except (Failed, ValueError):
        return None


def comfyui_give(server: Server, _: Holding) -> None:
    server.tell("POST", "/free", {"unload_models": True, "free_memory": True})


def speaches(server: Server) -> list[Holding]:
    """Lists the models of `GET /api/ps`, which share one process; a working model answers an unload with 409."""
    answer = server.get("/api/ps")
    names = [answer.named(name) for name in answer.many("models")]
    return shared(measured(server), names)


def speaches_give(server: Server, holding: Holding) -> None:
    server.tell("DELETE", f"/api/ps/{quote(holding.model)}")
