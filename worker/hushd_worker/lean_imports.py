"""Imports packages without their top-level imports of modules that hushd never uses.

`faster_whisper` takes 0.34 s of CPU time to import, 0.21 s more than numpy in it: 0.07 s for PyAV, which decodes
files, 0.05 s for asyncio, for CTranslate2's asynchronous methods, and 0.05 s for tqdm's progress bars.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Makes the first `import NAME` of each of `names` inside it lazy: the module is executed at its first use."""
    finder = _LazyFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Replaces `tqdm` inside it by a class whose bars show nothing."""
    stand_ins: dict[str, ModuleType] = {}
    for name in ("tqdm", "tqdm.auto"):
        if name not in sys.modules:
            stand_ins[name] = sys.modules[name] = ModuleType(name)
            stand_ins[name].__dict__["tqdm"] = _NoBar
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]


@contextmanager
def without_torch() -> Iterator[None]:
    """Makes imports of torch inside it fail, as if it were not installed, unless it was imported before.

    CTranslate2's specifications import torch to accept its tensors, which hushd does not use: that takes 1.4 s of CPU
    time and 190 MB of memory.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]


class _NoBar:
    """A progress bar that shows nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def update(self, _: float = 1) -> None:
        pass

    def close(self) -> None:
        pass


class _LazyFinder(MetaPathFinder):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self._names else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec
