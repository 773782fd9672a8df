"""A voice as `Client.voices` lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that `synthesize` takes by its name. `sample` is a sentence to try it with."""

    name: str
    language: str
    engine: str
    model: str = ""
    gender: str = ""
    installed: bool = True
    sample: str = ""

    @classmethod
    def from_data(cls, data: dict[str, Any], engine: str) -> Voice:
        """From a voice in the description of `engine`."""
        return cls(
            name=data["name"],
            language=data.get("language", ""),
            engine=data.get("engine", engine),
            model=data.get("model", ""),
            gender=data.get("gender") or "",
            installed=data.get("installed", True),
            sample=data.get("sample") or "",
        )

    @classmethod
    def all(cls, described: dict[str, Any]) -> list[Voice]:
        """From what `Client.describe` returns."""
        engines = described.get("tts", {}).get("engines", [])
        return [cls.from_data(voice, engine["name"]) for engine in engines for voice in engine.get("voices", ())]
