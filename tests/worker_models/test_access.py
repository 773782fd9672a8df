"""The hub comes from the worker's environment or from the client; a secret of one never goes to the other's address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hushd.verbs import requests
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.hub_server import HubServer, serving

Ask = Callable[..., Any]
REPOSITORY, MODEL = "Systran/faster-whisper-base", "faster-whisper/base"
OLD: dict[str, Any] = {"config.json": b"{}", "model.bin": b"old", "tokenizer.json": b"[]"}


def test_who_asks_says_where(hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that whoever asks names is taken instead of the worker's own, and is never told who the user is."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving() as mirror:
        mirror.add(REPOSITORY, OLD)
        mirror.token = "hf_secret"
        with pytest.raises(HushdError, match="set HF_TOKEN"):
            ask("pull", model=MODEL, endpoint=mirror.url).result()
        mirror.token = ""
        ask("pull", model=MODEL, endpoint=f"{mirror.url}/").result()
        assert mirror.bytes_sent("model.bin") == 3
        assert hub.requests == []
    hub.add(REPOSITORY, {**OLD, "model.bin": b"newer"})
    hub.token = "hf_secret"
    Store(paths.find()).manifest_path(MODEL).unlink()
    ask("pull", model=MODEL, endpoint=hub.url).result()  # the worker's own, under its full name
    assert hub.bytes_sent("model.bin") == 5


def test_a_client_keeps_a_password_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends the address without a password, and whether it is offline; nothing where nothing is set."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for endpoint, offline in (("", ""), ("https://mirror.org", "1"), ("https://me:secret@mirror.org", "0")):
        for name, value in (("HF_ENDPOINT", endpoint), ("HF_HUB_OFFLINE", offline)):
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        sent.append(requests.pull_params(MODEL))
    assert sent == [
        {"model": MODEL},
        {"model": MODEL, "endpoint": "https://mirror.org", "offline": True},
        {"model": MODEL, "offline": False},
    ]
