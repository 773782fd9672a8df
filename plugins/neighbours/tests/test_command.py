"""`hushd neighbours`: its list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_neighbours import command, kinds
from hushd_neighbours.holding import Holding
from hushd_protocol.system import paths

from . import shapes
from .scripted import Scripted, scripted

SECRET = "xyzzy-5b1f"


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "measured", lambda *_: Holding(""))


@pytest.fixture
def config(runtime: Path) -> Path:
    """The configuration of a supervisor that does not run."""
    path = paths.find().config
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def ollama() -> Iterator[Scripted]:
    with scripted({"GET /api/ps": shapes.ollama(100)}) as server:
        yield server


def _run(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    assert command.main("hushd neighbours", words) == 0
    return capfd.readouterr()


def test_each_model_has_its_size_its_rest_and_a_reason(
    config: Path, ollama: Scripted, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that fails has one sentence; no token is shown."""
    monkeypatch.setenv("COLUMNS", "160")
    with scripted() as gone:
        pass
    with scripted({"GET /api/ps": {"models": []}}) as empty:
        config.write_text(
            f'[neighbours.big]\nkind = "ollama"\nurl = "{ollama.url}"\ntoken = "{SECRET}"\n'
            f'[neighbours.slow]\nkind = "ollama"\nurl = "{ollama.url}"\nidle = "10m"\n'
            f'[neighbours.empty]\nkind = "ollama"\nurl = "{empty.url}"\n'
            f'[neighbours.gone]\nkind = "ollama"\nurl = "{gone.url}"\n'
        )
        listed, failed = _run(capfd, "list")
        title, big, slow, none = listed.splitlines()
        assert title.split() == ["NEIGHBOUR", "KIND", "MODEL", "RAM", "CARDS", "IDLE", "MAY", "BE", "ASKED"]
        assert big.split()[:8] == ["big", "ollama", "mistral:latest", "1.5", "GB", "5.1", "GB", "3:20"]
        assert big.endswith("  yes")
        assert slow.endswith("  no: idle for less than 600 s")
        assert none.split() == ["empty", "ollama", "-", "-", "-", "-", "-"]
        sentence = f"The server cannot be reached at 127.0.0.1:{gone.port} (Connection refused)."
        assert f"gone: {sentence}" in failed
        data, _ = _run(capfd, "list", "--json")
        assert SECRET not in listed + failed + data
        first, *_, last = json.loads(data)
        assert (first["name"], first["url"], first["failed"]) == ("big", ollama.url, "")
        [held] = first["holds"]
        assert (held["model"], held["ram"], held["may_be_asked"]) == ("mistral:latest", 1_517_264_896, True)
        assert (last["name"], last["holds"], last["failed"]) == ("gone", [], sentence)


def test_without_neighbours_it_names_the_document(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody is asked who is not configured."""
    listed, _ = _run(capfd, "list")
    assert listed.startswith("No neighbours are configured: ")
    assert listed.endswith("CONFIGURATION.md has the settings.\n")
    assert _run(capfd, "list", "--json")[0] == "[]\n"
