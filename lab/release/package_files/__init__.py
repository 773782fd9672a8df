"""Files for other package managers and registries: versions and names from pyproject.toml and packaging/names.toml."""

from __future__ import annotations

from . import names
from .source import ROOT, Source

__all__ = ["ROOT", "files"]


def files() -> dict[str, str]:
    """The text of each file that names what changes, by its path in the repository."""
    return dict(names.files(Source.read()))
