"""The documents lead somewhere: links, anchors, paths, and command lines with their options."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hushd_schema.entry_points import PLUGINS

from .command_lines import BLOCK, SPAN, wrong

ROOT = Path(__file__).parents[2]
CHANGELOG = ROOT / "CHANGELOG.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), ROOT / "lab/README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("plugins/*/README.md")]
)
FOLDERS = (
    "agents", "cli", "client", "docs", "gateway", "lab", "models/hushd_models", "packaging", "plugins", "protocol",
    "reading", "scripts", "supervisor", "tests", "worker", "worker_models", "worker_stt",
    "worker_tts",
)  # fmt: skip
ELSEWHERE = ("custom_nodes/hushd_unload/__init__.py", "src/main.py")  # in another program's folder, in an example


def of_absent_plugin(path: Path) -> bool:
    """Returns whether a path leads into a plugin's folder that this tree lacks, which no document minds."""
    name = path.relative_to(ROOT / "plugins").parts[0] if path.is_relative_to(ROOT / "plugins") else ""
    return name in PLUGINS and not (ROOT / "plugins" / name).exists()


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=relative)


def prose(page: Path) -> str:
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
        if of_absent_plugin(file):
            continue
        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{target}: there is no such heading"


def test_every_document_is_in_the_list_of_documents_once() -> None:
    """docs/README.md links to each page of docs/, and to the pages beside it."""
    docs = ROOT / "docs"
    linked = re.findall(r"\]\(([^)#\s]+\.md)\)", (docs / "README.md").read_text().partition("\n## ")[2])
    beside = [CHANGELOG, ROOT / "CONTRIBUTING.md"]
    pages = {*docs.rglob("*.md"), *ROOT.glob("plugins/*/README.md"), *beside} - {docs / "README.md"}
    found = [path for target in linked if not of_absent_plugin(path := (docs / target).resolve())]
    assert sorted(found) == sorted(pages)


@cache
def files() -> tuple[str, ...]:
    """Every file of the repository, by its path."""
    tops = (ROOT / folder for folder in (*FOLDERS, "models", "worker"))
    return tuple(relative(path) for top in tops for path in top.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("page", [page for page in PAGES if page != CHANGELOG], ids=relative)
def test_paths_are_there(page: Path) -> None:
    """A path into the repository exists; a module is named by the end of its path."""
    for span in SPAN.findall(BLOCK.sub("", page.read_text())):
        word = span.split()[0] if span.split() else ""
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]+", word):
            assert (ROOT / word).exists() or of_absent_plugin(ROOT / word), f"`{word}` is not there"
        elif re.fullmatch(r"[\w/]+/\w+\.py", word) and word not in ELSEWHERE:
            beside = (page.parent / word).exists()  # in a plugin
            assert beside or any(f"/{path}".endswith(f"/{word}") for path in files()), f"`{word}` is not there"


@every_page
def test_command_lines_are_known(page: Path) -> None:
    """Each `hushd …`, `say …`, `listen …` and `scripts/…` names a command that there is, with options that it has."""
    assert wrong(page.read_text()) == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("hushd models pul x", "pul"), ("hushd logs --lines 1 --jsn", "--jsn"), ("hushd status --jsn", "--jsn"),
        ("hushd wake alexa -- say --jsn", ""), ("say -Q a.wav", "-Q"), ("say '-Q is no option'", ""),
        ("listen -f srtt a.wav", "srtt"), ("scripts/bnch idle", "bnch"), ("./scripts/mutants --plantd", "--plantd"),
        ("scripts/mutants --planted --seeds 2", ""),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_noticed(line: str, word: str) -> None:
    """A command, an option or a value that does not exist is named, and what another program gets is not looked at."""
    assert wrong(f"```sh\n{line}  # so\n```\n") == ([f"{line}  : {word}"] if word else [])
    assert wrong(f"So `{line}` is.") == ([f"{line}: {word}"] if word else [])
