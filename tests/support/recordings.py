"""Recordings of people, which moonshine's package carries."""

from __future__ import annotations

import wave
from importlib.util import find_spec
from pathlib import Path


def recording(name: str = "beckett.wav") -> Path:
    spec = find_spec("moonshine_voice")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "assets" / name


def opening(path: Path, seconds: float) -> Path:
    """Writes the first seconds of the recording to `path`: sound that a test hears in real time is kept short."""
    with wave.open(str(recording())) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round(seconds * whole.getframerate())))
    return path
