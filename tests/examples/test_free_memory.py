"""examples/free_memory.py, with a server of each kind whose answers are as its documentation or source has them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.peer import ECHO, TESTS, Start, command
from support.ports import served

from .room import EXAMPLES

PROGRAM = str(EXAMPLES / "free_memory.py")
SOON, NEVER = "2026-11-29T21:04:05.123456789+02:00", "2318-01-01T00:00:00Z"


class Language:
    """A server of language models, at work with those of `busy`; `asked` has each command that it got."""

    def __init__(self, kind: str, loaded: tuple[str, ...], busy: str = "nobody") -> None:
        self.kind, self.loaded, self.busy = kind, [*loaded], busy
        self.asked: list[tuple[str, Any]] = []
        self.unloaded: Callable[[], object] = lambda: None

    def answer(self, path: str, body: Any) -> object:
        if body is not None:
            self.asked.append((path, body))
            self.loaded.remove(body["model"])
            return self.unloaded()
        match self.kind, path.split("?")[0].split("/")[1:]:
            case "ollama", ["api", "ps"]:
                return {"models": [{"model": m, "expires_at": NEVER if m == "pinned" else SOON} for m in self.loaded]}
            case "llama-server", ["models"]:
                rows = [{"id": model, "status": {"value": "loaded"}} for model in self.loaded]
                return {"data": [*rows, {"id": "on-disk", "status": {"value": "unloaded"}}]}
            case "llama-swap", ["running"]:
                return {"running": [{"model": model, "state": "ready"} for model in self.loaded]}
            case ("llama-server", ["slots"]) | ("llama-swap", ["upstream", _, "slots"]):
                return None if "no-slots" in path else [{"is_processing": self.busy in path}]
        return None

    def handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                data = answer(self.path, json.loads(body) if body else None)
                text = b"OK" if body else json.dumps(data).encode()
                self.send_response(200 if body or data is not None else 404)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.mark.parametrize(
    ("kind", "path", "stays"),
    [
        ("ollama", "/api/generate", "pinned"),
        ("llama-server", "/models/unload", "at-work"),
        ("llama-swap", "/api/models/unload/idle%2Fa%20b", "at-work"),
        ("llama-swap", "/api/models/unload/idle%2Fa%20b", "no-slots"),
    ],
)
def test_only_idle_models_are_unloaded(kind: str, path: str, stays: str) -> None:
    """A model that is pinned, works, or does not show its work, stays; once it is alone the status says so."""
    server = Language(kind, ("idle/a b", stays), busy="at-work")
    with served(server.handler()) as address:
        ran = [
            subprocess.run([sys.executable, PROGRAM, kind, address], capture_output=True, text=True) for _ in range(2)
        ]
    assert server.asked == [(path, {"model": "idle/a b", "keep_alive": 0})]
    assert server.loaded == [stays]
    assert [(each.returncode, each.stdout, each.stderr) for each in ran] == [
        (0, "unloaded: idle/a b\n", ""),
        (1, "unloaded: nothing, since no model is idle\n", ""),
    ]


def test_speech_is_served_once_an_idle_model_has_left(runtime: Path, start_supervisor: Start) -> None:
    """The supervisor runs the program as the settings name it, and its log has what it printed."""
    available = runtime / "available"
    available.write_text(str(500_000_000))
    server = Language("ollama", ("mistral:latest",))
    server.unloaded = lambda: available.write_text(str(3_000_000_000))
    with served(server.handler()) as address:
        program = json.dumps([sys.executable, PROGRAM, "ollama", address])
        config = f"[memory]\nwhen_short = {program}\n[worker.stt]\nmemory_mb = 1500\n{command(ECHO)}"
        inside = [sys.executable, str(TESTS / "small_machine.py")]
        supervisor = start_supervisor(config, inside=inside, cold=True)
        with supervisor.connect() as peer:
            assert peer.ask("echo", "stt/echo/big", payload=b"x")["text"] == "x"
    assert "when_short has ended with status 0 (unloaded: mistral:latest)" in supervisor.log()
