"""The documents lead somewhere: links, anchors, paths, and command lines with their options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hushd_cli.reference import CommandReference, commands
from hushd_cli.table import SYNONYMS

ROOT = Path(__file__).parents[2]
CHANGELOG = ROOT / "CHANGELOG.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
SHELLS = ("", "sh", "bash", "console")
FOLDERS = (
    "cli",
    "client",
    "cluster",
    "desktop",
    "docs",
    "gateway",
    "packaging",
    "protocol",
    "schema",
    "scripts",
    "supervisor",
    "tests",
    "worker_stt",
    "worker_tts",
)
ELSEWHERE = ("custom_nodes/hushd_yield/__init__.py", "src/main.py")  # in another program's folder, in an example
HIDDEN = {"--auto", "--version"}  # not in the parsers' help
COMMAND = re.compile(r"(?:^|[;|(] *|&& *|\$ +|-- )(hushd|say|listen)(?= |$)([^;|#&\n]*)", re.MULTILINE)


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=relative)


def prose(page: Path) -> str:
    """A page without its code."""
    return SPAN.sub("", BLOCK.sub("", page.read_text()))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that a forge makes of a page's headings: a heading that comes again gets a number."""
    seen: Counter[str] = Counter()
    found = []
    for heading in re.findall(r"^#+ +(.+)$", BLOCK.sub("", page.read_text()), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the repository, and every #anchor a heading of that page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        place, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / place).resolve() if place else page
        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{target}: there is no such heading"


def test_anchors_are_those_of_a_forge() -> None:
    """Headings with code, marks and numbers get the anchors that links use."""
    assert {"9-errors", "4-messages", "worker_hello", "a-workers-life"} - anchors(ROOT / "docs/PROTOCOL.md") == {
        "a-workers-life"
    }


@cache
def files() -> tuple[str, ...]:
    """Every file of the repository, by its path."""
    tops = (ROOT / folder for folder in (*FOLDERS, "models", "worker", "worker_models"))
    return tuple(relative(path) for top in tops for path in top.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("page", [page for page in PAGES if page != CHANGELOG], ids=relative)
def test_paths_are_there(page: Path) -> None:
    """A path into the repository exists; a module is named by the end of its path."""
    for span in SPAN.findall(BLOCK.sub("", page.read_text())):
        word = span.split()[0] if span.split() else ""
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]+", word):
            assert (ROOT / word).exists(), f"`{word}` is not there"
        elif re.fullmatch(r"[\w/]+/\w+\.py", word) and word not in ELSEWHERE:
            assert any(f"/{path}".endswith(f"/{word}") for path in files()), f"`{word}` is not there"


def command_lines(page: Path) -> Iterator[str]:
    """Code of a page that a shell may run."""
    text = page.read_text()
    yield from (body.replace("\\\n", " ") for language, body in BLOCK.findall(text) if language in SHELLS)
    yield from (span for span in SPAN.findall(BLOCK.sub("", text)) if span.split()[:1] and span.split()[0] in PROGRAMS)


PROGRAMS = ("hushd", "say", "listen")


@cache
def known() -> dict[tuple[str, ...], CommandReference]:
    return {command.words: command for command in commands()}


def flags(command: CommandReference) -> set[str]:
    """An option's names; underscores are as good as dashes."""
    named = {flag.replace("_", "-") for option in command.options for flag in option.flags}
    return named | HIDDEN


def unknown(program: str, rest: str) -> str:
    """The word of a command line that hushd does not know; empty where all is right."""
    words = (program,)
    given = [word.strip("'\"`.,:)[]") for word in re.split(r"[\s=]+", rest.partition(" -- ")[0]) if word]
    if program == "hushd" and given:
        given = [*SYNONYMS.get(given[0], given[:1]), *given[1:]]
        if given[0] == "trace" and given[1:2] and given[1] in PROGRAMS:  # which runs that program
            return unknown(given[1], " ".join(given[2:]))
    while given and (*words, given[0]) in known():
        words = (*words, given.pop(0))
    command = known()[words]
    if command.commands and given and re.fullmatch(r"[a-z][a-z-]+", given[0]) and given[0] != "help":
        return given[0]
    taken = [word for word in given if re.fullmatch(r"--[a-z][\w-]+", word)]
    return next((word for word in taken if word.replace("_", "-") not in flags(command)), "")


@every_page
def test_command_lines_are_known(page: Path) -> None:
    """Each `hushd …`, `say …` and `listen …` names a command that there is, with options that it has."""
    wrong = [
        f"{program}{rest}: {word}"
        for code in command_lines(page)
        for program, rest in COMMAND.findall(code)
        if (word := unknown(program, rest))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (" models pul x", "pul"),
        (" pull --jsn x", "--jsn"),
        (" trace say --jsn", "--jsn"),
        (" status --jsn", "--jsn"),
        (" models list --here", ""),
        (" talk -- say --jsn", ""),
    ],
)
def test_a_wrong_command_line_is_noticed(line: str, word: str) -> None:
    """A command or an option that does not exist is named, and what another program gets is not looked at."""
    assert unknown("hushd", line) == word
