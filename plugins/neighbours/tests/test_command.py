"""`hushd neighbours`: its list, the servers that it finds, and the lines that it writes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_neighbours import command, find, language_models, media
from hushd_neighbours.holding import Holding
from hushd_protocol.system import paths
from hushd_schema import settings

from . import shapes
from .scripted import Raw, Scripted, scripted

SECRET = "xyzzy-5b1f"


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (language_models, media):
        monkeypatch.setattr(module, "measured", lambda *_: Holding(""))


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
    with scripted() as gone, scripted({"GET /api/ps": {"models": []}}) as empty:
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


def test_without_neighbours_it_says_how_to_find_some(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody is asked who is not configured."""
    assert _run(capfd, "list")[0] == "No neighbours are configured; `hushd neighbours find` searches for them.\n"
    assert _run(capfd, "list", "--json")[0] == "[]\n"


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch, ollama: Scripted) -> None:
    """The usual port of ollama is that of the test's."""
    monkeypatch.setattr(find, "usual_ports", lambda: {ollama.port: ("llama-swap", "ollama")})


@pytest.mark.usefixtures("ports")
def test_what_is_found_is_printed_as_the_lines_to_add(
    config: Path, ollama: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    """They can be copied into the file as they stand; a configured server is not listed again."""
    lines, _ = _run(capfd, "find")
    assert lines == f'[neighbours.ollama]\nkind = "ollama"\nurl = "{ollama.url}"\n'
    assert json.loads(_run(capfd, "find", "--json")[0]) == [{"name": "ollama", "kind": "ollama", "url": ollama.url}]
    config.write_text(lines)
    assert settings.load(config).plugins["neighbours"]["ollama"].url == ollama.url
    assert _run(capfd, "find")[0] == "No other servers answer at their usual ports here.\n"
    config.write_text(lines.replace("127.0.0.1", "localhost"))
    assert _run(capfd, "find")[0] == "No other servers answer at their usual ports here.\n"


@pytest.mark.usefixtures("ports")
def test_what_is_found_can_be_added_to_the_file(
    config: Path, ollama: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    """All else stays, comments too; a name that is taken gets a number."""
    config.write_text(
        '# mine\n[neighbours.ollama]\nkind = "ollama"\nurl = "http://192.0.2.7:11434"  # the other room\n'
    )
    assert _run(capfd, "find", "--write")[0].startswith("Added: ollama-2.")
    text = config.read_text()
    assert text.startswith("# mine\n")
    assert "# the other room" in text
    assert settings.load(config).plugins["neighbours"]["ollama-2"].url == ollama.url


def test_a_server_is_known_by_its_answers_and_hushd_is_none() -> None:
    """Of kinds that share a port that one whose words are answered; hushd answers several, and is left out."""
    answers = {"GET /models": shapes.router(0, a="unloaded")}
    with scripted(answers) as router, scripted({"GET /running": {"running": []}}) as ours, scripted() as other:
        ours.answers["GET /metrics"] = Raw(b"# TYPE hushd_uptime_seconds gauge\nhushd_uptime_seconds 12.5\n")
        asked = dict.fromkeys((router.port, ours.port, other.port), ("llama-swap", "localai", "llama-server"))
        found = find.servers(time.monotonic() + 20, asked)
    assert found == [find.Found("llama-server", router.url)]


def test_a_port_that_hangs_costs_no_more_than_the_time(ollama: Scripted) -> None:
    """The server that answers in it is found."""
    with scripted() as hanging:
        hanging.free.clear()
        found = find.servers(time.monotonic() + 0.5, {hanging.port: ("ollama",), ollama.port: ("ollama",)})
    assert found == [find.Found("ollama", ollama.url)]


def test_each_kind_has_a_usual_port() -> None:
    """8080 and 8000 are those of several."""
    ports = find.usual_ports()
    assert ports[8080] == ("llama-swap", "localai", "llama-server")
    assert ports[8000] == ("vllm", "speaches")
    assert {kind for kinds in ports.values() for kind in kinds} == {*find.KINDS}
