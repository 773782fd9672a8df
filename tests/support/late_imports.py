"""Imports inside functions, by the sources: what a process may still import long after its start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def late(package: Path, *left_out: str) -> set[str]:
    """The modules of hushd that functions of `package` import, but for those of the files `left_out`."""
    root = next(folder for folder in package.parents if not (folder / "__init__.py").exists())
    files = (file for file in package.rglob("*.py") if str(file.relative_to(package)) not in left_out)
    return {name for file in files for name in _late_in(file, root)}


def _late_in(file: Path, root: Path) -> Iterator[str]:
    parts = file.relative_to(root).with_suffix("").parts
    for function in ast.walk(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom):
                base = ".".join(
                    [*(parts[: -node.level] if node.level else ()), *([node.module] if node.module else [])]
                )
                if base.startswith("hushd"):
                    yield from ({_module(base, alias.name) for alias in node.names})


def _module(base: str, name: str) -> str:
    """`base.name` where that is a module, else `base`, which has the name."""
    package = find_spec(base)
    is_module = package and package.submodule_search_locations and find_spec(f"{base}.{name}")
    return f"{base}.{name}" if is_module else base


def imported_by(program: str) -> set[str]:
    """The modules that a Python has after `program`."""
    code = f"{program}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())
