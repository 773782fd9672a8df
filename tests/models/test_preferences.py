"""The configuration's word on its user: languages, and engines that a command of theirs runs, in any file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_models import preferences


@pytest.mark.parametrize(("text", "engines"), [
    ('[worker."tts/a"]\ncommand = ["x"]\n[worker."stt/b/c"]\ncommand = []\n[worker."stt/d"]\npinned = true', "a b"),
    ('[worker.models]\ncommand = ["x"]', ""),
    ('[worker]\n"tts/a" = "command"', ""),
    ('worker = "command"', ""),
    ('tts = "command/a"', ""),
    ('[worker."tts/a"]\ncommand = [', ""),
])  # fmt: skip
def test_engines_of_a_command_are_elsewhere(text: str, engines: str, tmp_path: Path) -> None:
    """An engine whose worker is a command of the user's; none of a file that names none, or cannot be read."""
    (tmp_path / "config.toml").write_text(text)
    assert preferences.engines_elsewhere(tmp_path / "config.toml") == set(engines.split())


@pytest.mark.parametrize(("text", "own", "examples"), [
    ('languages = ["pt_BR", 5, "German", "en"]', "pt de en", "such as pt or de"),
    ('languages = ["en"]', "en", "such as en or de"),
    ('languages = "pt"', "fr", "such as fr or en"),
    ("languages = []", "fr", "such as fr or en"),
    ("languages = [", "fr", "such as fr or en"),
    ("", "fr", "such as fr or en"),
])  # fmt: skip
def test_the_users_languages(
    text: str, own: str, examples: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the configuration as codes, in its order; the session's where it names none."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    (tmp_path / "config.toml").write_text(text)
    assert preferences.own_languages(tmp_path / "config.toml") == own.split()
    assert preferences.languages_named(tmp_path / "config.toml") == examples
