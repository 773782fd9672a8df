"""Tests of `hushd neighbours give`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hushd_neighbours import command, kinds
from hushd_neighbours.holding import Holding
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.refusals import hushd_error

from . import shapes
from .scripted import Raw, Scripted, scripted

GIVE = "POST /api/generate"


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "measured", lambda *_: Holding("", 0, {"": 5 * 10**9}))


@pytest.fixture
def ollama() -> Iterator[Scripted]:
    """It holds 1.5 GB of RAM and 5.1 GB of a card, and has been idle for 200 s."""
    with scripted({"GET /api/ps": shapes.ollama(100)}) as server:

        def unload(_: object) -> dict[str, object]:
            server.answers["GET /api/ps"] = {"models": []}
            return {"done": True}

        server.answers[GIVE] = unload
        yield server


@pytest.fixture
def config(runtime: Path, ollama: Scripted) -> Path:
    path = paths.find().config
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'[neighbours.big]\nkind = "ollama"\nurl = "{ollama.url}"\n')
    return path


def _give(monkeypatch: pytest.MonkeyPatch, question: object) -> int:
    data = question if isinstance(question, bytes) else json.dumps(question).encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    return command.main("hushd neighbours", ["give"])


def _lacks(ram: int = 0, vram: int = 0) -> dict[str, object]:
    return {"worker": "stt/a/b", "ram": ram, "vram": vram, "device": "", "card": "0000:65:00.0" if vram else ""}


@pytest.mark.usefixtures("config")
def test_an_idle_model_that_suffices_is_unloaded(
    ollama: Scripted, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its memory is printed, for the supervisor's log."""
    assert _give(monkeypatch, _lacks(10**9)) == 0
    assert [body for asked, body in ollama.asked if asked == GIVE] == [{"model": "mistral:latest", "keep_alive": 0}]
    assert capfd.readouterr().out == "big gave 6.7 GB (mistral:latest)\n"


@pytest.mark.parametrize(("idle", "question"), [("10m", _lacks(10**9)), ("1s", _lacks(10**10))])
def test_nobody_is_asked_in_vain(
    config: Path, ollama: Scripted, idle: str, question: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that was used of late, or that does not suffice, stays; the refusal is one sentence."""
    config.write_text(f'{config.read_text()}idle = "{idle}"\n')
    with pytest.raises(HushdError, match=r"^No neighbours have idle models whose memory suffices\.$"):
        _give(monkeypatch, question)
    assert GIVE not in [asked for asked, _ in ollama.asked]


@pytest.mark.usefixtures("config")
def test_a_server_that_refuses_has_given_nothing(
    ollama: Scripted, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its sentence is printed, and the status says that nothing was freed."""
    ollama.answers[GIVE] = Raw(b"", 500)
    with pytest.raises(HushdError, match=r"^No neighbour has given its memory\.$"):
        _give(monkeypatch, _lacks(10**9))
    assert "big: The server answers POST /api/generate with status 500." in capfd.readouterr().err


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    "question", [b"", b"{", b"[]", b'{"ram": 1}', _lacks(), _lacks(-1, 5), {**_lacks(1), "ram": "1"}]
)
def test_a_question_that_makes_no_sense_is_refused(question: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, which shows a good one."""
    with hushd_error("bad_request", "must be an object such as"):
        _give(monkeypatch, question)
