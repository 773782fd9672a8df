"""The configuration: an editor or a full disk may have left any of it odd."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from hushd_models import preferences
from hushd_protocol.errors import HushdError
from hushd_schema.settings import load

from .claims import sentence
from .mutate import Feed, toml_file

CONFIG: dict[str, Any] = {
    "stt": "moonshine/tiny-en",
    "tts": "kokoro/kokoro-v1.0",
    "log_level": "info",
    "memory_budget_mb": 4000,
    "exit_when_idle": "10m",
    "models": {"whisper/mine": {"repository": "a/b", "files": ["model.bin", "*.json"], "revision": "main"}},
    "worker": {
        "keep_alive": "5m",
        "stall_timeout": 60,
        "stt/whisper": {"command": ["python", "-m", "a"], "environment": {"A": "1"}, "pinned": True, "priority": 3},
        "tts/kokoro/x": {"max_pss_mb": 900.5, "slots": 2},
    },
}


@contextmanager
def config(folder: Path) -> Iterator[Feed]:
    """The configuration file, as the supervisor, the clients and the workers read it."""
    path = folder / "config.toml"

    def feed(rng: Random) -> None:
        path.write_bytes(toml_file(rng, CONFIG))
        for read in (load, preferences.own_languages, preferences.engines_elsewhere):
            try:
                read(path)
            except HushdError as error:
                sentence(error.message)

    yield feed
