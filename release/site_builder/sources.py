"""Sources of the site: the documents as they lie in the tree, the first page, and the pages that `reference` makes.

Each heading of docs/README.md is a part of the navigation, with the pages that are linked below it; the generated pages
come behind those of "Reference".
"""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

from . import reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIST = DOCS / "README.md"
FIRST = Path(__file__).with_name("first") / "index.html"
SOUND = DOCS / "sounds/quiet.mp3"
LINK = re.compile(r"\[([^\]\n]*)\]\(([^)\s]+)\)")
SPOKEN = re.compile(r'<code id="said">(.*?)</code>')
GENERATED = "Reference"  # the part of the navigation


def navigation() -> dict[str, dict[str, Path]]:
    """The parts of the navigation: titles and files of their pages, as docs/README.md links to them."""
    parts: dict[str, dict[str, Path]] = {}
    for part in re.split(r"^## ", LIST.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        parts[heading] = {title: (DOCS / target).resolve() for title, target in LINK.findall(text)}
    return parts


def toctrees() -> str:
    """The navigation in MyST, for the side of each page."""
    blocks = []
    for heading, linked in navigation().items():
        entries = [f"{title} </{path.relative_to(ROOT).with_suffix('')}>" for title, path in linked.items()]
        entries += [f"/{name}" for name in reference.pages()] if heading == GENERATED else []
        blocks.append("\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", "", *entries, "```", ""]))
    return "\n" + "\n".join(blocks)


def spoken() -> list[str]:
    """The words of the command that spoke the first page's sound: it stands below it."""
    return shlex.split(html.unescape(SPOKEN.findall(FIRST.read_text())[0]))
