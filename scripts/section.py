"""Sections of documents that scripts write, between marks that name them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BENCHMARKS = DOCS / "BENCHMARKS.md"


def write(name: str, section: str, document: Path = BENCHMARKS) -> None:
    """Replaces the section `name` of a document."""
    document.write_text(replaced(document.read_text(), name, section))


def replaced(text: str, name: str, section: str) -> str:
    """A text with another section between `<!-- NAME … -->` and `<!-- /NAME -->`.

    Raises:
        SystemExit: the marks are not there once.
    """
    pattern = re.compile(rf"(<!-- {name}\b[^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"The section {name} is not in the document, between its marks, once.")
    return pattern.sub(lambda found: f"{found[1]}{section}{found[2]}", text)
