"""What the client's tests share: a private runtime folder, and scripted supervisors in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_router import Script, ScriptedRouter


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private runtime and state folder, and no supervisor that starts by itself."""
    folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    monkeypatch.setenv("HUSHD_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("HUSHD_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("HUSHD_CONFIG", str(folder / "config.toml"))
    monkeypatch.setenv("HUSHD_AUTOSTART", "0")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start_router(runtime: Path) -> Iterator[Callable[..., ScriptedRouter]]:
    """Starts scripted supervisors, one at a time, in the runtime folder."""
    routers: list[ScriptedRouter] = []

    def start(script: Script | None = None, **options: Any) -> ScriptedRouter:
        routers.append(ScriptedRouter(runtime, script, **options))
        return routers[-1]

    yield start
    for router in routers:
        router.die()
