"""Fixtures for `hushd mcp`: a supervisor that echoes, a diary of the devices, a connected host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.diary import ECHO, Diary
from support.peer import Start, Supervisor

if TYPE_CHECKING:
    from .mcp_host import Host


@pytest.fixture
def diary(runtime: Path) -> Diary:
    return Diary(runtime / "diary")


@pytest.fixture
def echo(start_supervisor: Start) -> Supervisor:
    """A supervisor whose usual engines say each byte of a text as a sample, at 16 kHz."""
    return start_supervisor(ECHO)


@pytest.fixture
def environment(echo: Supervisor, diary: Diary) -> dict[str, str]:
    """All of a server's environment."""
    return os.environ | diary.environment


@pytest.fixture
def host(echo: Supervisor, diary: Diary) -> Iterator[Host]:
    from .mcp_host import stdio_host

    with stdio_host(environment=diary.environment) as connected:
        yield connected
