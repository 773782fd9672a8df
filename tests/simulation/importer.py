"""Loads the product's modules with other modules under the names that they import: `os`, `time`, `zmq` and the rest.

Only what the product imports is replaced: its modules get builtins of their own, whose `__import__` and `open` are the
world's. Everybody else in this process, the standard library included, has the real ones; but pathlib and tempfile, by
which the product meets files, have been given the world's `os` and `io`.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

INSIDE = ("hushd", "simulation.programs")  # packages whose names begin so
LIBRARY = ("asyncio", "concurrent", "selectors")  # of the standard library: the world loads its own copies
_FILES = ("pathlib", "pathlib._local", "pathlib._os", "tempfile", "shutil")


class Module(ModuleType):
    """A module that is another one but for what it was given."""

    def __init__(self, name: str, real_module: ModuleType, **own: Any) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self.__dict__["_real"] = real_module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module that sees the world's builtins."""

    space: Mapping[str, Any] = {}

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self.space
        super().exec_module(module)


class Finder:
    """Finds the product's modules before anybody else does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith((*INSIDE, *LIBRARY)):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def install(stand_ins: Mapping[str, ModuleType]) -> None:
    """Has the product's modules, none of which may be loaded yet, import `stand_ins`."""
    loaded = [name for name in sys.modules if name.startswith(INSIDE) and name != "simulation.programs"]
    assert not loaded, f"{loaded} are loaded already: a simulation needs a process of its own"
    space = dict(vars(builtins))
    space["__import__"] = importing(stand_ins)
    space["open"] = stand_ins["io"].open
    space["print"] = _printing(stand_ins["sys"])
    Loader.space = space
    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    for name in _FILES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for variable, stand_in in (("os", "os"), ("_os", "os"), ("io", "io"), ("_io", "io")):
            if isinstance(vars(module).get(variable), ModuleType):
                vars(module)[variable] = stand_ins[stand_in]


def importing(stand_ins: Mapping[str, ModuleType]) -> Any:
    real = builtins.__import__

    def import_(
        name: str, globals: Any = None, locals: Any = None, fromlist: Sequence[str] | None = (), level: int = 0
    ) -> ModuleType:
        top, _, rest = name.partition(".")
        if level or top not in stand_ins:
            return real(name, globals, locals, fromlist or (), level)
        if not fromlist:
            return stand_ins[top]
        module = stand_ins[top]
        for part in rest.split(".") if rest else ():
            module = getattr(module, part)
        return module

    return import_


def _printing(system: ModuleType) -> Any:
    def print_(*values: object, file: Any = None, **how: Any) -> None:
        builtins.print(*values, file=file or system.stdout, **how)

    return print_
