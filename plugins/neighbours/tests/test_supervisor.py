"""`[memory] when_short = ["hushd", "neighbours", "give"]` of a real supervisor, beside a server that is a stand-in."""

from __future__ import annotations

import sys
from pathlib import Path

from support.peer import ECHO, TESTS, Start, command

from . import shapes
from .scripted import scripted

MB = 1_000_000
SECRET = "xyzzy-5b1f"


def test_speech_is_served_once_an_idle_model_has_left(runtime: Path, start_supervisor: Start) -> None:
    """As one would configure it; the log says who gave how much, and has no token."""
    available = runtime / "available"
    available.write_text(str(500 * MB))
    with scripted({"GET /api/ps": shapes.ollama(100)}) as ollama:

        def unload(_: object) -> dict[str, object]:
            ollama.answers["GET /api/ps"] = {"models": []}
            available.write_text(str(3000 * MB))
            return {"done": True}

        ollama.answers["POST /api/generate"] = unload
        config = (
            f'[memory]\nwhen_short = ["hushd", "neighbours", "give"]\n[worker.stt]\nmemory_mb = 1500\n{command(ECHO)}'
            f'[neighbours.ollama]\nkind = "ollama"\nurl = "{ollama.url}"\ntoken = "{SECRET}"\n'
        )
        inside = [sys.executable, str(TESTS / "small_machine.py")]
        supervisor = start_supervisor(config, inside=inside, cold=True)
        with supervisor.connect() as peer:
            assert peer.ask("echo", "stt/echo/big", payload=b"x")["text"] == "x"
    log = supervisor.log()
    assert "when_short has ended with status 0 (ollama gave 6.7 GB (mistral:latest))" in log
    assert SECRET not in log
