"""Guests: folders that the rest needs neither to be understood, nor installed, nor tested; and the tree without them.

By convention a guest GUEST is the folder of that name, with its packages, and `tests/GUEST`; what else is its own
stands in its line of pyproject.toml's `[tool.hushd.guests]`: `files`, of which `PAGE.md#heading` is one section of a
document, and one in another guest a part that needs both; and the `extras` by which it is installed. All other traces
are found: commands and engines by their entry points, and whoever imports it.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

_FENCE = re.compile(r"^ *```")
_HEADING = re.compile(r"^(#+) +(.+)$")
_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) ")
_PAGES = ("*.md", "docs/**/*.md", "examples/*.md", "lab/*.md")
_REQUIREMENT = re.compile(r"^hushd\[(.*)\]$")


@dataclass(frozen=True)
class Guest:
    """A guest, and all that is its own.

    Attributes:
        files: its folder, its tests, and what else it has of documents, examples and packaging.
        packages: the import packages in its folder.
        commands: the commands of `hushd` that its packages add.
        extras: the extras by which it is installed.
    """

    name: str
    files: tuple[str, ...]
    packages: frozenset[str]
    commands: frozenset[str]
    extras: frozenset[str]


def read(tree: Path) -> dict[str, Guest]:
    """Returns the guests of a tree, by name."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())
    commands: dict[str, str] = project["project"].get("entry-points", {}).get("hushd.commands", {})
    guests = {}
    for name, line in project["tool"]["hushd"]["guests"].items():
        packages = frozenset(path.parent.name for path in (tree / name).glob("hushd*/py.typed"))
        guests[name] = Guest(
            name,
            (name, f"tests/{name}", *line.get("files", ())),
            packages,
            frozenset(command for command, target in commands.items() if _package(target) in packages),
            frozenset(line.get("extras", ())),
        )
    return guests


def with_dependants(tree: Path, names: set[str]) -> set[str]:
    """Returns the guests of these names, and those that import them: the cluster's replicas are gateways."""
    guests = read(tree)
    while True:
        packages = frozenset().union(*(guests[name].packages for name in names))
        files = tuple(f"{tree / file}" for name in names for file in guests[name].files)
        more = {name for name in {*guests} - names if _imports(tree / guests[name].files[0], packages, files)}
        if not more:
            return names
        names = names | more


def _imports(folder: Path, packages: frozenset[str], gone: tuple[str, ...]) -> bool:
    """Returns whether a folder's files import one of these packages, but for those that go with them."""
    if not packages:
        return False
    line = re.compile(rf"^\s*(?:from|import) ({'|'.join(packages)})\b", re.MULTILINE)
    left = (path for path in folder.rglob("*.py") if not f"{path}".startswith(gone))
    return any(line.search(path.read_text()) for path in left)


def remove(tree: Path, guests: list[Guest]) -> None:
    """Takes guests out of a tree: their files, their lines of pyproject.toml, and what the documents say of them."""
    for guest in guests:
        named = _names(guest, tree)
        for name in guest.files:
            name, _, heading = name.partition("#")
            path = tree / name
            if heading:
                kept, _ = _section(path.read_text(), heading)
                path.write_text(kept)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        _leave_project(tree / "pyproject.toml", guest)
        _leave_limits(tree / "packaging/wheel.toml", guest)
        listed = _listed(guest)
        for page in [path for place in _PAGES for path in tree.glob(place)]:
            within = f"({page.name}#"  # a link to a heading of the same page
            text = listed.sub("", page.read_text())
            left = (block for block in blocks(text) if not named.search(block.replace("(#", within)))
            page.write_text("".join(left))


def _names(guest: Guest, tree: Path) -> re.Pattern[str]:
    """Finds what a document calls a guest by: packages, commands, files, and links to its sections."""
    words = [rf"\b{package}\b" for package in guest.packages]
    words += [rf"\bhushd {command}\b(?!-)" for command in guest.commands]
    for name in guest.files[1:]:
        place, _, heading = name.partition("#")
        if heading:
            _, anchors = _section((tree / place).read_text(), heading)
            words.append(rf"(?<![\w-]){re.escape(Path(place).name)}#(?:{'|'.join(anchors)})(?![\w-])")
        else:
            shown = re.sub(r"^(?:docs|examples)/", "", place)  # as pages beside it link to it
            words.append(rf"(?<![\w-]){re.escape(shown)}")
    words += [rf"(?<![\w/-]){guest.files[0]}\b"] if "/" in guest.files[0] else []
    return re.compile("|".join(words))


def _section(page: str, anchor: str) -> tuple[str, list[str]]:
    """Returns a page without the section of a heading and those below it, and the anchors of their headings."""
    kept, level, fenced = "", 0, False
    anchors: list[str] = []
    for block in blocks(page):
        fenced ^= bool(_FENCE.match(block))
        if not fenced and (heading := _HEADING.match(block)):
            slug = re.sub(r"[^\w\- ]", "", heading[2].lower()).replace(" ", "-")
            if level and len(heading[1]) <= level:
                level = 0
            if slug == anchor:
                level = len(heading[1])
            anchors += [slug] if level else []
        kept += "" if level else block
    return kept, anchors


def _listed(guest: Guest) -> re.Pattern[str]:
    """Finds a guest's packages and modules among others in a list, of which the rest stays."""
    one = rf"`(?:{'|'.join(guest.packages) or '(?!)'})(?:/[\w./]+)?`"
    return re.compile(f"{one}, |, {one}")


def blocks(page: str) -> Iterator[str]:
    """Yields a page in Markdown in pieces that make sense alone: a paragraph, an item, a row, a line of code."""
    piece, fenced = "", False
    for line in page.splitlines(keepends=True):
        fence = bool(_FENCE.match(line))
        alone = fenced or fence or line.startswith(("|", "#", "<")) or not line.strip()
        if piece and (alone or _ITEM.match(line)) and not (fenced and piece.endswith("\\\n")):
            yield piece
            piece = ""
        piece += line
        if alone and not (fenced and line.endswith("\\\n")):
            yield piece
            piece = ""
        fenced ^= fence
    if piece:
        yield piece


def _leave_project(path: Path, guest: Guest) -> None:
    project = tomlkit.parse(path.read_text())
    _drop(project, guest)
    extras: Any = project["project"]["optional-dependencies"]  # type: ignore[index]
    for extra in guest.extras:
        extras.pop(extra, None)
    contracts: Any = project["tool"]["importlinter"]["contracts"]  # type: ignore[index]
    for number in reversed(range(len(contracts))):
        contract = contracts[number]
        if any(contract.get(key) == [] for key in ("source_modules", "forbidden_modules", "modules", "containers")):
            del contracts[number]
    path.write_text(tomlkit.dumps(project))


def _drop(node: Any, guest: Guest) -> None:
    """Takes all that names a guest out of a table or an array, at any depth."""
    for key, value in [*node.items()] if isinstance(node, dict) else [*enumerate(node)][::-1]:
        if isinstance(value, str):
            left = _without(value, guest)
            if not left or key == guest.name:
                del node[key]
            elif left != value:
                node[key] = left
        elif key == guest.name:
            del node[key]
        elif isinstance(value, dict | list):
            _drop(value, guest)


def _without(value: str, guest: Guest) -> str:
    """A value of pyproject.toml without a guest: its path, package, module or extra; empty where nothing is left."""
    if extras := _REQUIREMENT.match(value):
        left = ",".join(each for each in extras[1].split(",") if each not in guest.extras)
        return f"hushd[{left}]" if left else ""
    if " | " in value:
        return " | ".join(part for part in value.split(" | ") if part not in guest.packages)
    if value.endswith(".*") and " -> " not in value:
        return value  # for mypy, to which it is missing now
    modules = value.split(" -> ")
    of_guest = value.split("/")[0] == guest.files[0] or any(_package(module) in guest.packages for module in modules)
    return "" if of_guest else value


def _package(module: str) -> str:
    return module.split(":")[0].split(".")[0]


def _leave_limits(path: Path, guest: Guest) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.partition(" ")[0] not in guest.packages))
