"""`hushd get` as a user has it: a real supervisor, and a local hub with a small model."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_protocol.system import paths
from hushd_schema.settings import load
from support import command_line
from support.hub_server import Content, HubServer, serving
from support.peer import Supervisor

from . import gguf_models


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that has a small Parakeet, which a supervisor is to ask, and no models of the user's."""
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(home / "models"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    file = gguf_models.transducer(home / "small.gguf", "parakeet-tdt-0.6b-v3")
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        content = Content(file.read_bytes())
        server.add("handy-computer/parakeet-ultra-gguf", {"parakeet-ultra-Q8_0.gguf": content})
        yield server


def get(*arguments: str) -> subprocess.CompletedProcess[str]:
    return command_line.run("hushd", "get", *arguments, text=True)


def test_a_language_comes_by_one_command(home: Path, hub: HubServer) -> None:
    """It says the cost, asks, pulls, writes the settings, and hears a sentence; a second time it fetches nothing."""
    pytest.importorskip("transcribe_cpp")
    with Supervisor(home, ""):
        asked = get("fr", "--hearing")
        assert (asked.returncode, asked.stderr) == (
            2,
            "hushd get: Nobody can be asked here whether to go on: --yes goes on.\n",
        )
        assert "Hears French: transcribe-cpp/parakeet-ultra (740 MB to fetch" in asked.stdout
        done = get("fr", "--hearing", "-y")
        assert done.returncode == 0, done.stderr
        settings = load(paths.find().config)
        assert (settings.stt, settings.languages) == ("transcribe-cpp/parakeet-ultra", ("en", "fr"))
        asked_for = len(hub.requests)
        again = get("French", "--hearing", "-y")
        assert (again.returncode, again.stderr) == (0, "")
        assert again.stdout.startswith("Hears French: transcribe-cpp/parakeet-ultra is installed.\n")
        assert "Wrote" not in again.stdout
        assert len(hub.requests) == asked_for


def test_a_language_that_nobody_knows_is_refused() -> None:
    """One sentence, before anything is asked or fetched."""
    done = get("xx", "-y")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "hushd get: 'xx' is not a language: name one, such as fr, pt-BR or French.\n"
