"""Files for other package managers and registries, generated from pyproject.toml and packaging/names.toml."""

from __future__ import annotations

from . import agents, debian, editors, home_assistant, npm
from .source import ROOT, Source

__all__ = ["ROOT", "files"]


def files() -> dict[str, str]:
    """The text of each generated file, by its path in the repository."""
    source = Source.read()
    guests = (
        (agents, agents.FOLDER),
        (editors, agents.FOLDER),
        (home_assistant, home_assistant.FOLDER),
        (npm, npm.FOLDER),
    )
    makers = [*(maker for maker, folder in guests if (ROOT / folder).exists()), debian]
    return {place: text for maker in makers for place, text in maker.files(source).items()}
