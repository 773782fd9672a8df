"""docs/INSTALL.md names every module that asks for the platform, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "INSTALL.md").read_text().partition("## Linux and macOS")[2]
MACOS, ELSEWHERE = (set(re.findall(r"^\| `([\w/]+\.py)` \|", part, re.MULTILINE)) for part in PAGE.split("\n### ")[1:])


def sources() -> dict[str, str]:
    """The modules of the core, by their paths."""
    paths = [path for path in ROOT.glob("*/hushd*/**/*.py") if "tests" not in path.relative_to(ROOT).parts]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def asks(source: str, platform: str) -> bool:
    """Returns whether a module has the platform's name as a value, and asks Python for its own."""
    named = any(isinstance(node, ast.Constant) and node.value == platform for node in ast.walk(ast.parse(source)))
    return named and "sys.platform" in source


def test_the_tables_name_what_asks_for_the_platform() -> None:
    """Of macOS by `darwin`, of Linux by `linux`."""
    modules = sources()
    assert len(modules) > 200
    assert {name for name, source in modules.items() if asks(source, "linux")} == ELSEWHERE
    assert {name for name, source in modules.items() if asks(source, "darwin")} == MACOS


def test_each_place_where_python_is_asked_for_the_platform_compares_with_a_name() -> None:
    """`sys.platform` stands where a name of the tables does: no third way hides a branch."""
    named = MACOS | ELSEWHERE
    assert {name for name, source in sources().items() if "sys.platform" in source} - named == set()
