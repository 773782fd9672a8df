"""The one source of versions and names."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
REQUIREMENT = "hushd[default]"


@dataclass(frozen=True)
class Source:
    """Versions and names, from pyproject.toml and packaging/names.toml.

    Attributes:
        version, description, license, keywords: of pyproject.toml.
        home, mcp, maintainer, summary: of packaging/names.toml.
    """

    version: str
    description: str
    license: str
    keywords: tuple[str, ...]
    home: str
    mcp: str
    maintainer: str
    summary: str

    @classmethod
    def read(cls, root: Path = ROOT) -> Source:
        """Reads both files."""
        project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
        names = tomllib.loads((root / "packaging/names.toml").read_text())
        return cls(
            version=project["version"],
            description=project["description"],
            license=project["license"],
            keywords=tuple(project["keywords"]),
            **{name: text.strip() for name, text in names.items()},
        )

    @property
    def authors(self) -> str:
        """The maintainer's name, without the address."""
        return self.maintainer.partition(" <")[0]


def as_json(value: Any) -> str:
    """The text of a file of JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
