"""An engine is described in one place: no other product file names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hushd_schema import engines

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "agents", "cli", "client", "gateway", "models", "plugins", "protocol", "reading", "supervisor", "worker",
    "worker_models", "worker_stt", "worker_tts",
)  # fmt: skip
# `command` and `server` are words, and other packages' names are not engines of ours.
NAMES = {spec.name for spec in engines.every() if spec.engine.startswith("hushd_")} - {"command", "server"}
NAMED = re.compile(rf"(?<![\w-])({'|'.join(sorted(NAMES, key=len, reverse=True))})(?![\w-])")
OWN = re.compile(
    r"protocol/hushd_schema/engines/|plugins/engines-|(worker_stt|worker_tts|plugins/[\w-]+)/hushd_\w+/(engines|convert|specs)/"
)
# Files that name one otherwise than as an example (`such as stt/moonshine`), each with its reason.
ALLOWED = {
    "cli/hushd_cli/commands/listen/options.py": "whose options these are, in a help text, which loads no specs",
    "cli/hushd_cli/main.py": "an example of a command",
    "protocol/hushd_schema/operations/decoder.py": "openai-whisper's command, whose names options have too",
    "models/hushd_models/installation.py": "the system's library and its packages, which bear the name",
    "protocol/hushd_schema/server_file.py": "the names of programs, by which a server's API is guessed",
    "protocol/hushd_schema/settings/tables.py": "the two defaults, which a test compares with the specs",
}


def sentences(source: str) -> Iterator[str]:
    """The texts of a module that are not docstrings."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def names_one(text: str) -> bool:
    """Returns whether a text names an engine, and not as an example."""
    return NAMED.search(text.partition("such as")[0]) is not None


def naming() -> dict[str, list[str]]:
    """The product files that name an engine in a text, and the texts."""
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("hushd*/**/*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not OWN.match(name):
                texts = [text for text in sentences(path.read_text(encoding="utf-8")) if names_one(text)]
                if texts:
                    found[name] = texts
    return found


def test_only_specs_and_engines_name_an_engine() -> None:
    """Everything else reads the specs: an engine is a spec and a module, two files, and a third party's is no less."""
    found = naming()
    assert {name: texts for name, texts in found.items() if name not in ALLOWED} == {}
    here = {name for name in ALLOWED if (ROOT / name).exists()}  # the others are of plugins that are not
    assert here == set(found), "what no longer names one needs no leave"


def test_a_name_in_a_text_is_noticed() -> None:
    """A name in a comparison, a key or a sentence; not one in a docstring, a comment, an example or the name of another
    package."""
    source = (
        '"""kokoro"""\nx = y == "hibari" or {"whisper": 1}  # hibari\ny = "moonshine_voice", "such as tts/hibari"\n'
    )
    assert [text for text in sentences(source) if names_one(text)] == ["hibari", "whisper"]
