"""English that a reader stumbles over does not come back: a ban list over docstrings, comments and documents.

Sentences that users read are pinned by golden files; this is for those who read the sources.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "lab/README.md", *(ROOT / "docs").rglob("*.md")])


@cache
def code() -> list[Path]:
    """The modules of the product, the scripts and the tests; folders that are links are not followed."""
    tops = (folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    walks = (walk for top in tops for walk in os.walk(top))
    return sorted(Path(folder, name) for folder, _, names in walks for name in names if name.endswith(".py"))


class Ban(NamedTuple):
    """A way of writing that is out.

    Attributes:
        where: `first` and `docstring`, the first and all lines of a docstring; `comment`; `page`, a line of a document.
        instead: the better way.
        spared: the folders that it leaves alone.
    """

    pattern: str
    where: frozenset[str]
    instead: str
    spared: tuple[str, ...] = ()


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ALL = frozenset({"docstring", "comment", "page"})
FIRST = frozenset({"first"})
# "is no reason" and the like are English.
_IDIOMS = (
    "better|exception|faster|fewer|good|help|hushd with|later|less|longer|match|more|need|one|other|quicker|reason|"
    "slower|sooner|such"
)
BANS = {
    "headless": Ban(r"^(What|Which|Who|Whom|Whose)\b", FIRST, "begin with a verb, or with the noun that is described"),
    "clause": Ban(
        r"^(Whether|How|Where|When|Why|Is|Was|Are|Were)\b",
        FIRST,
        "`Returns whether …`, `True if …` of a property, or the noun; of a test, its claim",
    ),
    "what is": Ban(r"\b[Ww]hat (is|was|are|were)\b", FIRST, "name it: `the sound recorded`, not `what was recorded`"),
    "is no": Ban(rf"(?<![Tt]here )\b(is|are|was|were|be) no (?!({_IDIOMS})\b)", ALL, "`is not a`"),
    "for want of": Ban(r"\b[Ff]or want of\b", ALL, "`because there is no`, `where … is short`"),
    "preposition": Ban(r"^(As|Of|For|From)\b", FIRST, "begin with a verb or the noun", ("tests", "lab", "plugins")),
    "pronoun": Ban(r"^[A-Z]\w+s (it|them)\.$", FIRST, "say whom or what"),
}

_OF_COMMENTS = re.compile("|".join(ban.pattern for ban in BANS.values() if "comment" in ban.where))

# Names that say nothing of what they hold.
GENERIC = frozenset({"found", "kept", "one", "said", "there", "wanted"})
PRODUCT = sorted({path.parent for path in ROOT.glob("*/hushd*") if path.is_dir()})


def written(source: str) -> Iterator[tuple[str, int, str]]:
    """Yields the lines of docstrings and the comments of a module: where each stands, its number and its text."""
    for node in documented(ast.parse(source)):
        if text := ast.get_docstring(node):
            lines = text.split("\n")
            yield "first", node.body[0].lineno, lines[0]
            for number, line in enumerate(lines, node.body[0].lineno):
                yield "docstring", number, line
    if any(map(_OF_COMMENTS.search, (line for line in source.split("\n") if "#" in line))):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):  # which takes its time
            if token.type == tokenize.COMMENT:
                yield "comment", token.start[0], token.string.lstrip("# ")


def documented(node: ast.AST) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields whatever may have a docstring in a module, wherever it is defined."""
    if isinstance(node, _DOCUMENTED):
        yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from documented(child)


@cache
def lines_of(path: Path) -> tuple[tuple[str, int, str], ...]:
    """The lines that are looked at of a file."""
    text = path.read_text()
    if path.suffix == ".md":
        text = re.sub(r"^```.*?^```", lambda code: "\n" * code[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
        return tuple(("page", number, line) for number, line in enumerate(text.split("\n"), 1))
    return tuple(written(text))


def found(ban: Ban, lines: Iterable[tuple[str, int, str]]) -> list[int]:
    """Returns the numbers of the lines that a ban is about."""
    return [number for where, number, line in lines if where in ban.where and re.search(ban.pattern, line)]


@pytest.mark.parametrize("name", BANS)
def test_banned_english_is_not_written(name: str) -> None:
    """The product, the scripts, the tests and the documents have none of it."""
    ban = BANS[name]
    assert len(code()) > 500
    assert len(PAGES) > 15
    places = [
        f"{where}:{number}"
        for path in (*code(), *PAGES)
        if (where := path.relative_to(ROOT)).parts[0] not in ban.spared
        for number in found(ban, lines_of(path))
    ]
    assert places == [], f"write {ban.instead}"


@pytest.mark.parametrize(
    ("name", "line", "banned"),
    [
        ("headless", '"""What it says."""', True),
        ("clause", '"""Whether it runs."""', True),
        ("what is", '"""Returns what was said."""', True),
        ("what is", '"""Returns the text.\n\nOf what was said."""', False),
        ("is no", "# a path that is no folder", True),
        ("is no", "# there is no folder, which is no longer asked for", False),
        ("for want of", '"""Ends.\n\nAnd that for want of memory."""', True),
        ("for want of", 'said = "for want of"', False),
        ("preposition", '"""As `Call`; for tasks."""', True),
        ("pronoun", '"""Ends it."""', True),
        ("pronoun", '"""Ends the process that made it."""', False),
    ],
)
def test_a_ban_finds_what_it_is_about(name: str, line: str, banned: bool) -> None:
    """Docstrings and comments, and not the text of a program."""
    assert bool(found(BANS[name], written(line))) is banned


def test_variables_bear_the_noun_they_hold() -> None:
    """Variables and parameters of the product have no generic name."""
    assert len(PRODUCT) >= 10
    places = [
        f"{path.relative_to(ROOT)}:{number} {name}"
        for folder in PRODUCT
        for path in sorted(folder.rglob("*.py"))
        for number, name in bound(ast.parse(path.read_text()))
        if name in GENERIC
    ]
    assert places == [], "name the noun they hold"


def bound(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yields the variables and parameters of a module, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
