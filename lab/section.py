"""Sections of documents written by scripts, between marks with their names."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BENCHMARKS = DOCS / "BENCHMARKS.md"


def write(name: str, section: str, document: Path = BENCHMARKS) -> None:
    """Replaces the section `name` of a document."""
    document.write_text(replaced(document.read_text(), name, section))


def read(name: str, document: Path = BENCHMARKS) -> str:
    """The section `name` of a document, empty where it has none."""
    match = _pattern(name).search(document.read_text())
    return match[2] if match else ""


def replaced(text: str, name: str, section: str) -> str:
    """A text with another section between `<!-- NAME … -->` and `<!-- /NAME -->`.

    Raises:
        SystemExit: the marks do not occur exactly once.
    """
    pattern = _pattern(name)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"The section {name} is not in the document, between its marks, once.")
    return pattern.sub(lambda found: f"{found[1]}{section}{found[3]}", text)


def _pattern(name: str) -> re.Pattern[str]:
    """Matches a section: its mark, its text, and the mark of its end."""
    return re.compile(rf"(<!-- {name}\b[^\n]*-->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)
