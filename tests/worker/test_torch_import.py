"""The import of torch."""

from __future__ import annotations

import os
import sys

import pytest
from hushd_worker.torch_loading import import_torch


@pytest.mark.parametrize(
    ("environment", "turns"), [({}, "10000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_threads_wait_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], turns: str | None
) -> None:
    """A user's own setting of how torch's threads wait is left alone; without one they spin for a moment."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that it is as before in the end
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    torch = object()
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert import_torch() is torch
    assert os.environ.get("GOMP_SPINCOUNT") == turns
