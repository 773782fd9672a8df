"""Fixtures of the client's tests: scripted supervisors in the runtime folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.scripted_router import Script, ScriptedRouter


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
