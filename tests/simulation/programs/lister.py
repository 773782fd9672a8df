"""A workers' package of the simulation, which says what engine it has: the `--describe` of a role."""

from __future__ import annotations

import json
import sys
from typing import Any

from .life import MODELS


def listing(role: str, arguments: list[str]) -> None:
    """Prints the engines of `role`."""
    models = [{"name": name, "installed": True} for name in MODELS]
    voices = [{"name": "echo", "language": "en", "installed": True}]
    engine: dict[str, Any] = {"name": "echo", "installed": True, "default_model": MODELS[0], "models": models}
    engines = [engine | ({"voices": voices, "default_voice": "echo"} if role == "tts" else {})]
    print(json.dumps({"role": role, "version": "1", "engines": engines if role in ("stt", "tts") else []}))
    sys.stdout.flush()
