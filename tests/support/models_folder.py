"""A models folder of a test's own, and a network that must not be used."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest


def isolated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns an empty models folder below `folder`; there is no cache of the hub, and whoever connects fails."""

    def forbidden(*arguments: object) -> None:
        raise AssertionError(f"the network was used: {arguments}")

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(folder / "models"))
    monkeypatch.setenv("HF_HOME", str(folder / "hub"))
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    return folder / "models"
