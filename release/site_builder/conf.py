"""Sphinx's configuration of the site: the documents as they are, by MyST, with furo."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from site_builder import sources

LINKS, DARK_LINKS = "#2b5f97", "#8ab6e8"  # as in first.html
project = html_title = "hushd"
root_doc = "docs/README"
include_patterns = [
    "*.md", "docs/*.md", "docs/hosts/*.md", "examples/README.md", "lab/README.md", "reference/*.md",
]  # fmt: skip
exclude_patterns = ["README.md"]
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4  # as a forge makes them
suppress_warnings = ["toc.not_included"]  # lab/README.md, which only other pages link to
smartquotes = False  # `--option` in a sentence means itself
html_theme = "furo"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": LINKS, "color-brand-content": LINKS},
    "dark_css_variables": {"color-brand-primary": DARK_LINKS, "color-brand-content": DARK_LINKS},
}
templates_path = ["templates"]
html_extra_path = ["first", "../../docs/sounds/quiet.mp3", "../../docs/pictures/memory.svg"]
html_static_path = ["static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_copyright = False
linkcheck_ignore = [r"http://(127\.0\.0\.1|localhost)\b"]
_FILE_NAME = re.compile(r"\[[\w/.-]+\.md\]\((?!https?:)")
_STATES = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WAY = re.compile(r"^ +(\w+) --> (\w+): (.*)$", re.MULTILINE)


def setup(app: Any) -> None:
    app.connect("source-read", _read)


def _read(app: Any, name: str, source: list[str]) -> None:
    """Has links show their page's title, states stand in a table, since nothing here draws them, and the list lead."""
    text = _FILE_NAME.sub("[](", source[0]).replace("```hex\n", "```text\n")
    source[0] = _STATES.sub(_table, text) + (sources.toctrees() if name == root_doc else "")


def _table(diagram: re.Match[str]) -> str:
    rows = [f"| {start} | {end} | {when} |" for start, end, when in _WAY.findall(diagram[1])]
    return "\n".join(["| from | to | when |", "|---|---|---|", *rows])
