"""Fixtures: the sentences of `best_effort`, and a file that another process sweeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hushd_protocol.system import atomic_file, best_effort

SweptBefore = Callable[[ModuleType, Path], list[int]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences that a test causes, as in a process that has said none so far."""
    said: list[str] = []
    monkeypatch.setattr(best_effort, "_reported", set())
    monkeypatch.setattr(best_effort, "_report", said.append)
    return said


@pytest.fixture
def swept_before(monkeypatch: pytest.MonkeyPatch) -> SweptBefore:
    """`swept_before(module, folder)`: the first file that the module locks has gone by then; returns what it locks."""
    lock = atomic_file.lock

    def sweep(module: ModuleType, folder: Path) -> list[int]:
        locked: list[int] = []

        def lock_late(descriptor: int, kind: int) -> bool:
            if not locked:
                next(folder.iterdir()).unlink()
            locked.append(descriptor)
            return lock(descriptor, kind)

        monkeypatch.setattr(module, "lock", lock_late)
        return locked

    return sweep
