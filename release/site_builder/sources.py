"""The pages of the site: those of docs/ with their links, and those that `reference` makes of the code.

The first page is first.html, as it is. Each heading of docs/README.md is a part of the navigation, with the pages that
are linked below it; the generated pages come behind those of "Reference".
"""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from . import commands, reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIST = DOCS / "README.md"
DOCUMENTS = "documents"  # its name on the site
FIRST = Path(__file__).with_name("first.html")
SOUND = DOCS / "sounds/quiet.mp3"
PICTURE = DOCS / "pictures/memory.svg"
BESIDE = {
    ROOT / "CHANGELOG.md": "CHANGELOG",
    ROOT / "CONTRIBUTING.md": "CONTRIBUTING",
    ROOT / "examples/README.md": "EXAMPLES",
}
LINK = re.compile(r"\[([^\]\n]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"<code[^>]*>(.*?)</code>")
SPOKEN = re.compile(r'<code id="said">(.*?)</code>')
GENERATED = "Reference"  # the part of the navigation


def pages() -> dict[Path, str]:
    """The names that pages have on the site, without an extension, by their files."""
    named = {path: path.relative_to(DOCS).with_suffix("").as_posix() for path in sorted(DOCS.rglob("*.md"))}
    return named | BESIDE | {LIST: DOCUMENTS}


def navigation() -> dict[str, dict[str, Path]]:
    """The parts of the navigation: titles and files of their pages, as docs/README.md links to them."""
    parts: dict[str, dict[str, Path]] = {}
    for part in re.split(r"^## ", LIST.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        parts[heading] = {title: (DOCS / target).resolve() for title, target in LINK.findall(text)}
    return parts


@cache
def _titles() -> dict[Path, str]:
    """The titles of pages in the navigation, by their files."""
    return {path: title for linked in navigation().values() for title, path in linked.items()}


def write(folder: Path) -> None:
    """Writes all that the site is built of into a new folder."""
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.md"))
    names = pages()
    for path, name in names.items():
        text = _text(path.read_text(), path, names, folder)
        _put(folder, name, text + _contents() if path == LIST else text)
    for name, text in reference.pages().items():
        _put(folder, name, text)
    first = folder / "_first"
    first.mkdir()
    for path in (FIRST, SOUND, PICTURE):
        shutil.copy(path, first / ("index.html" if path == FIRST else path.name))


def spoken() -> list[str]:
    """The words of the command that spoke the first page's sound: it stands below it."""
    return shlex.split(html.unescape(SPOKEN.findall(FIRST.read_text())[0]))


def wrong_commands() -> list[str]:
    """Every command line of the site's pages that nothing would take."""
    code = "".join(f"`{html.unescape(line)}`\n" for line in INLINE.findall(FIRST.read_text()))
    texts = {path.name: path.read_text() for path in pages()} | reference.pages() | {FIRST.name: code}
    return [f"{name}: {fault}" for name, text in texts.items() for fault in commands.wrong(text)]


def _put(folder: Path, name: str, text: str) -> None:
    target = folder / f"{name}.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def _contents() -> str:
    """The navigation, for the side of each page."""
    names = pages()
    blocks = []
    for heading, linked in navigation().items():
        entries = [f"{title} <{names[path]}>" for title, path in linked.items()]
        entries += list(reference.pages()) if heading == GENERATED else []
        blocks.append("\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", "", *entries, "```", ""]))
    return "\n" + "\n".join(blocks)


def _text(text: str, path: Path, names: Mapping[Path, str], folder: Path) -> str:
    """A page's text, with links as they are on the site."""
    name = names[path]
    return "".join(
        _code(part) if part.startswith("`") else LINK.sub(lambda link: _link(link, path, name, names, folder), part)
        for part in CODE.split(text)
    )


def _code(block: str) -> str:
    """A diagram of states as a table, since nothing here draws one; other code as it is."""
    if not block.startswith("```mermaid"):
        return block.replace("```hex\n", "```text\n", 1)
    ways = re.findall(r"^ +(\w+) --> (\w+): (.*)$", block, re.MULTILINE)
    return "\n".join(["| from | to | when |", "|---|---|---|", *(f"| {a} | {b} | {when} |" for a, b, when in ways)])


def _link(link: re.Match[str], path: Path, name: str, names: Mapping[Path, str], folder: Path) -> str:
    """A link on the page `name`; one to a file that is not in docs/ leads to a copy of that file."""
    words, target = link.groups()
    place, mark, anchor = target.partition("#")
    if "://" in target or not place:
        return link[0]
    file = (path.parent / place).resolve()
    if file in names:
        words = _titles().get(file, "") if words.endswith(".md") else words
        return f"[{words}]({_relative(f'{names[file]}.md', name)}{mark}{anchor})"
    if not file.is_relative_to(DOCS):
        copy = folder / "files" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        return f"[{words}]({_relative(copy.relative_to(folder).as_posix(), name)})"
    return link[0]


def _relative(target: str, name: str) -> str:
    return os.path.relpath(target, os.path.dirname(name) or ".")
