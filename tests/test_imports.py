"""Every module imports by itself, and none imports another in a circle."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(folder.parent for where in ("*", "plugins/*") for folder in ROOT.glob(f"{where}/hushd*/__init__.py"))

# Imports each module in a child of its own. The packages of others that one of ours imports are imported before it, and
# those of ours that all stand on after their own turn: numpy and the protocol anew for each of 690 modules would take
# minutes. Large ones, such as Ray, come late, since each fork copies the tables of all memory.
ZYGOTE = """
import gc, importlib, json, os, sys, traceback
packages, shared = json.loads(sys.stdin.read())
def load(names):
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, OSError):  # as pulsectl without libpulse
            pass
    gc.freeze()
for others, names in packages:
    load(others)
    for name in names:
        if os.fork() == 0:
            try:
                importlib.import_module(name)
            except BaseException as error:
                trace = traceback.format_exc()
                lacks = "cannot open shared object file" in trace
                absent = "(a library of the system)" if lacks else getattr(error, "name", "")
                print(json.dumps([name, absent, trace]), flush=True)
            os._exit(0)
        os.wait()
    if names[0] in shared:
        load(names)
print("done")
"""


def modules() -> dict[str, Path]:
    """The files of every module of every package, by dotted name."""
    found = {}
    for package in FOLDERS:
        for path in package.rglob("*.py"):
            parts = path.relative_to(package.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def test_the_packages_are_all_there() -> None:
    """The lists below are of the whole project: a package that moved is missed here."""
    assert {folder.name for folder in FOLDERS} >= {
        "hushd", "hushd_models", "hushd_protocol", "hushd_reading", "hushd_supervisor", "hushd_worker",
        "hushd_worker_models",
        "hushd_worker_stt", "hushd_worker_tts",
    }  # fmt: skip


@pytest.mark.night
def test_every_module_imports_by_itself() -> None:
    """A fresh interpreter imports it, with no other module of hushd before it; those of absent packages are passed
    over."""
    ours = {folder.name for folder in FOLDERS}
    shared = ["hushd_protocol", "hushd_schema", "hushd_models", "hushd_reading", "hushd_worker", "hushd", "hushd_cli"]
    packages = [
        sorted(name for name in MODULES if name.split(".")[0] == package and not name.endswith("__main__"))
        for package in (*shared, *sorted(ours.difference(shared), reverse=True))
    ]
    others = [{other for name in names for other in top_imports(MODULES[name])} for names in packages]
    foreign = [sorted(other for other in each if other.split(".")[0] not in ours) for each in others]
    order = json.dumps([list(zip(foreign, packages, strict=True)), shared])
    done = subprocess.run([sys.executable, "-c", ZYGOTE], input=order, capture_output=True, text=True, check=True)
    *lines, last = done.stdout.splitlines()
    assert last == "done"
    failures = [json.loads(line) for line in lines]
    broken = {name: trace for name, missing, trace in failures if not missing or missing.split(".")[0] in ours}
    assert not broken, "\n".join(broken.values())
    absent = {name: missing for name, missing, _ in failures}
    assert len(absent) < len(MODULES) / 10, absent


# --- circles ---------------------------------------------------------------------------------------------------------


def top_imports(path: Path) -> Iterator[str]:
    """The modules that this one imports whenever it is imported, from wherever they come."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


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


def test_private_modules_of_python_are_imported_in_two_places() -> None:
    """Another Python may lack them: what hushd uses of them stands in one module, and beside it the commands' guard."""
    users = {name for name, path in MODULES.items() if re.search(r"^\s*(import|from) _[a-z]", path.read_text(), re.M)}
    assert users == {"hushd_mcp.c_modules", "hushd_command"}
