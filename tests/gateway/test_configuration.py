"""The configuration that the gateway serves by: read again when it has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_gateway.configuration import Configuration


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def replaced(path: Path, text: str, mode: int = 0o600) -> None:
    """Replaces a file as editors and `hushd config set` do."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(mode)
    os.replace(fresh, path)


def test_a_file_that_changes_is_read_again(file: Path) -> None:
    """It is read once for each change; one that comes to be, or goes, is a change too."""
    configuration = Configuration(file)
    assert not configuration.refresh()
    for text, voices in (("[http.voices]\nx = 'a'", {"x": "a"}), ("[http.voices]\nx = 'b'", {"x": "b"})):
        replaced(file, text)
        assert configuration.refresh()
        assert configuration.settings.http.voices == voices
        assert not configuration.refresh()
    file.unlink()
    assert configuration.refresh()
    assert configuration.settings.http.voices == {}


def test_what_is_wrong_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last good settings stay, with one line in the log, until the file is right."""
    replaced(file, "exit_when_idle = 7")
    configuration = Configuration(file)
    replaced(file, "exit_when_idle = -1")
    assert not configuration.refresh()
    assert not configuration.refresh()
    assert configuration.settings.exit_when_idle == 7
    assert capsys.readouterr().err.count("the configuration stays as it was: ") == 1
    replaced(file, "exit_when_idle = 8")
    assert configuration.refresh()
    assert configuration.settings.exit_when_idle == 8


def test_the_token_is_that_of_its_file(file: Path, tmp_path: Path) -> None:
    """A token file that is written anew counts at the next look; one that is open to others never does."""
    token = tmp_path / "token"
    replaced(token, "one")
    replaced(file, f"[http]\ntoken_file = '{token}'")
    configuration = Configuration(file, "one")
    replaced(token, "two")
    assert configuration.refresh()
    assert configuration.token == "two"
    replaced(token, "three", mode=0o644)
    assert not configuration.refresh()
    assert configuration.token == "two"
