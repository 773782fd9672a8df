"""Recordings of people, which moonshine's package carries."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def recording(name: str = "beckett.wav") -> Path:
    """The file of a recording; finding it imports nothing."""
    spec = find_spec("moonshine_voice")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "assets" / name
