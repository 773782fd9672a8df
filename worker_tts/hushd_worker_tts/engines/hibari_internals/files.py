"""Finds hibari's files: its table of voices, its phonemes' numbers, and the models of its voices."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hushd_protocol.system import paths
from hushd_protocol.system.paths import user_cache


@cache
def assets() -> Path:
    """Returns hibari's data folder. Raises FileNotFoundError if hibari is not installed, or one of its files is a pipe,
    whose reader would wait forever."""
    spec = find_spec("hibari")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("hibari")
    folder = Path(spec.origin).parent / "assets"
    if pipe := next((path for path in folder.rglob("*") if path.is_fifo()), None):
        raise FileNotFoundError(f"{pipe} is a pipe")
    return folder


@cache
def registry() -> dict[str, dict[str, Any]]:
    """Returns hibari's own table of voices by name; empty if hibari is not installed."""
    try:
        voices: dict[str, dict[str, Any]] = json.loads((assets() / "voices.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return voices


def vocabulary() -> dict[str, int]:
    """Returns the number of each phoneme of the models."""
    numbers: dict[str, int] = json.loads((assets() / "vocab.json").read_text("utf-8"))
    return numbers


def voice_file(name: str) -> Path:
    """Returns the path of a voice's model, or else the path to which hibari's own command would download it."""
    entry = registry()[name]
    file = str(entry["file"])
    if entry.get("bundled"):
        return assets() / file
    if (pulled := paths.find().models / "hibari" / file).exists():
        return pulled
    if folder := os.environ.get("HIBARI_HOME"):
        return Path(folder, file)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/hibari" / file
    return user_cache() / "hibari" / file
