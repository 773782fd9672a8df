"""docs/ARCHITECTURE.md names each package's imports, and the sources agree."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
ROWS = {
    package: (of_hushd, of_others)
    for names, of_hushd, of_others in re.findall(r"^\| (`hushd.*?) \| .*? \| (.*?) ?\| (.*?) \|$", PAGE, re.MULTILINE)
    for package in re.findall(r"`(hushd\w*)`", names)
}


def imported(package: str) -> set[str]:
    """The packages that the modules of a package import, wherever in them, but for the standard library and itself."""
    (folder,) = [path for path in ROOT.glob(f"*/{package}") if (path / "__init__.py").exists()]
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        if "docs" in path.relative_to(folder).parts:  # a link to the documents, and their examples
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    return names - {package} - sys.stdlib_module_names


def named(text: str) -> set[str]:
    """The names of packages in a cell; `core`, `system` and the like are modules of the row's own."""
    own = {"core", "system", "http", "__main__", "command"}
    return set(re.findall(r"`(\w+)`", text)) - own


def test_every_package_has_a_row() -> None:
    """No row is of a package that is gone."""
    assert set(ROWS) == {path.parent.name for path in ROOT.glob("*/hushd*/py.typed")}


@pytest.mark.parametrize("package", ROWS)
def test_a_row_names_what_is_imported(package: str) -> None:
    """No more and no less; the workers of engines may import anything of others."""
    of_hushd, of_others = ROWS[package]
    found = imported(package)
    plugins = {path.name for path in ROOT.glob("plugins/*/hushd*")}
    ours = {name for name in found if name.startswith("hushd")}
    assert ours - plugins == named(of_hushd) - {"wyoming"}
    assert of_others == "anything" or found - ours == named(of_others) - {"hushd cluster"}
