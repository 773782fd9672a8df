"""No module imports another in a circle, and none Python's private ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(folder.parent for where in ("*", "plugins/*") for folder in ROOT.glob(f"{where}/hushd*/__init__.py"))


def modules() -> dict[str, Path]:
    """The files of every module of every package, by dotted name."""
    found = {}
    for package in FOLDERS:
        for path in package.rglob("*.py"):
            parts = path.relative_to(package.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str, path: Path) -> Iterator[str]:
    """The modules of ours that this one imports, anywhere: at the top, for types alone, or in a function."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def test_no_module_imports_another_in_a_circle() -> None:
    """Imports for types alone and those inside functions count too: a module can be read after all that it needs."""
    graph = {name: {*imports(name, path)} & MODULES.keys() - {name} for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()  # the error would name the circle


def test_private_modules_of_python_are_imported_in_one_place() -> None:
    """Another Python may lack them: hushd uses them in the commands' guard alone, which must wait for no import."""
    users = {name for name, path in MODULES.items() if re.search(r"^\s*(import|from) _[a-z]", path.read_text(), re.M)}
    assert users == {"hushd_command"}
