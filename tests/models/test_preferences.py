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


@pytest.mark.parametrize(("text", "role", "unserved"), [
    ("", "stt", "de"),
    ("", "tts", "de"),
    ('stt = "faster-whisper/base"', "stt", ""),
    ('stt = "faster-whisper/base"', "tts", "de"),
    ('tts = "kokoro"', "tts", ""),
    ('voice = "heart"', "tts", ""),
    ('voice = "heart"', "stt", "de"),
    ('tts_by_language = {de = "espeak-ng"}', "tts", ""),
    ('tts_by_language = {fr = "espeak-ng"}', "tts", "de"),
    ('languages = ["en", "de"]', "tts", ""),
])  # fmt: skip
def test_the_language_for_which_nothing_is_named(
    text: str, role: str, unserved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's, unless a model of the role, or a voice that speaks, is named for it: those are believed."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    (tmp_path / "config.toml").write_text(text)
    assert preferences.unserved_language(tmp_path / "config.toml", role) == unserved
