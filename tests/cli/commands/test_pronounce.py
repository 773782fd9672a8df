"""`hushd config pronounce`, and a voice that goes by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_cli.commands import pronounce
from hushd_protocol.errors import HushdError

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, which does not exist yet."""
    monkeypatch.setenv("HUSHD_CONFIG", str(tmp_path / "settings" / "config.toml"))
    return tmp_path / "settings" / "pronunciations.txt"


def run(capfd: Capture, *words: str) -> str:
    assert pronounce.main("hushd config pronounce", words) == 0
    return capfd.readouterr().out


def test_words_are_added_listed_and_removed(own: Path, capfd: Capture) -> None:
    """The file is made with the first, for people and for programs alike, and is empty after the last."""
    assert run(capfd, "list") == ""
    run(capfd, "add", "nginx", "engine x")
    run(capfd, "add", "Router", "Ruter", "--language", "de")
    run(capfd, "add", "nginx", "N jinx")
    assert run(capfd, "list") == own.read_text() == "nginx -> N jinx\n[de]\nRouter -> Ruter\n"
    assert json.loads(run(capfd, "list", "--json")) == {"": {"nginx": "N jinx"}, "de": {"Router": "Ruter"}}
    run(capfd, "remove", "nginx")
    run(capfd, "remove", "Router", "--language", "de")
    assert run(capfd, "list") == ""


def test_what_cannot_be_is_refused_and_changes_nothing(own: Path, capfd: Capture) -> None:
    """Phonemes that are none, a word that is not there, and a folder in the place of the file."""
    run(capfd, "add", "nginx", "engine x")
    for words, complaint in (
        (("add", "a", "/b$/"), r"which has no \$"),
        (("remove", "b"), "has no 'b': `hushd config pronounce list` shows what it has"),
        (("remove", "nginx", "--language", "de"), "has no 'nginx'"),
    ):
        with pytest.raises(HushdError, match=complaint):
            run(capfd, *words)
    assert own.read_text() == "nginx -> engine x\n"
    own.unlink()
    own.mkdir()
    with pytest.raises(HushdError, match="cannot be read"):
        run(capfd, "add", "a", "b")
