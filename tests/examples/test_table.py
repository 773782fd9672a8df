"""examples/README.md: its table has a line for each program, and each program says how to run it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from .room import EXAMPLES

PROGRAMS = sorted(EXAMPLES.glob("*.py"))


def test_the_table_has_every_program() -> None:
    """The table has no program that is gone."""
    table = (EXAMPLES / "README.md").read_text()
    assert sorted(re.findall(r"^\| \[(\w+\.py)\]\(\1\)", table, re.MULTILINE)) == [path.name for path in PROGRAMS]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_says_how_it_is_installed_and_run(program: Path) -> None:
    """Its docstring says it, and it is short enough to be copied."""
    text = program.read_text()
    words = ast.get_docstring(ast.parse(text)) or ""
    assert re.search(r"^    pip install 'hushd\[default", words, re.MULTILINE)
    assert re.search(rf"\b{program.stem}(\.py|:app)\b", words)
    assert text.count("\n") <= 105
