"""A fixture: the sentences of `best_effort`."""

from __future__ import annotations

import pytest
from hushd_protocol.system import best_effort


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences that a test causes, as in a process that has said none so far."""
    said: list[str] = []
    monkeypatch.setattr(best_effort, "_told", set())
    monkeypatch.setattr(best_effort, "_report", said.append)
    return said
