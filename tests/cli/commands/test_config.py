"""`hushd config`: shows and changes settings, and puts nothing in place that a supervisor would refuse."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from support.command_line import hushd
from support.peer import Supervisor, wait_until

config = partial(hushd, "config")


@pytest.fixture
def file(runtime: Path) -> Path:
    path = runtime / "config.toml"
    path.write_text('# mine\ntts = "espeak-ng/all" # small\n\n[worker."stt/moonshine"]\nkeep_alive = 5 # short\n')
    return path


def test_show_has_every_setting_and_marks_those_that_are_not_defaults(file: Path) -> None:
    """A line a setting; of one worker only its own settings; one setting alone is its bare value."""
    lines = config("show").splitlines()
    assert 'tts = "espeak-ng/all"  # default: "hibari/en"' in lines
    assert "exit_when_idle = 600.0" in lines
    assert "worker.keep_alive = 300.0" in lines
    assert 'worker."stt/moonshine".keep_alive = 5.0  # default: 300.0' in lines
    assert config("show", "tts") == "espeak-ng/all\n"
    assert config("show", "worker.stt/moonshine").startswith("5.0")
    assert len(config("show", "http").splitlines()) > 3
    rows = {row["key"]: row for row in json.loads(config("show", "--json"))}
    assert rows["tts"] == {"key": "tts", "value": "espeak-ng/all", "default": "hibari/en"}
    for key, meant in (
        ("exit_when_idl", "exit_when_idle"),
        ("http.lisen", "http.listen"),
        ("idle_timeout", "worker.keep_alive"),
    ):
        assert f"did you mean {meant}?" in config("show", key, status=2)


def test_set_changes_one_key_and_leaves_comments(file: Path) -> None:
    """Strings need no quotes, lists are words or TOML's, and a new table is made where it is needed."""
    config("set", "tts", "hibari/en")
    config("set", "worker.stt/moonshine.keep_alive", "10m")
    config("set", "http.listen", '["127.0.0.1:8000"]')
    config("set", "auto_pull", "true")
    config("set", "languages", "fr,en")
    config("set", "worker.stt/moonshine.command", "--", "python3", "-m", "mine")
    config("set", "voice", "heart")
    text = file.read_text()
    for line in ('languages = ["fr", "en"]', 'command = ["python3", "-m", "mine"]', 'voice = "heart"'):
        assert f"{line}\n" in text
    assert text.startswith('# mine\ntts = "hibari/en" # small\n')
    assert 'keep_alive = "10m" # short' in text
    assert '[http]\nlisten = ["127.0.0.1:8000"]' in text
    assert config("show", "auto_pull") == "true\n"
    config("unset", "worker.stt/moonshine.keep_alive")
    assert "keep_alive" not in file.read_text()


@pytest.mark.parametrize(("key", "value", "says"), [
    ("exit_when_idle", "-3", "exit_when_idle must be"),
    ("auto_pul", "3", "did you mean auto_pull"),
    ("standby", "3", "there is no key standby: known are"),
    ("idle_timeout", "5m", "did you mean worker.keep_alive"),
    ("worker.idle_timeout", "5m", "did you mean keep_alive"),
    ("queue", "5", "did you mean worker.queue"),
    ("languages", "7", "is not a language"),
    ("duck", "1 2", "duck must be a number"),
    ("a b", "3", "is not a key"),
])  # fmt: skip
def test_what_a_supervisor_would_refuse_changes_nothing(file: Path, key: str, value: str, says: str) -> None:
    """The error is that of the check, under the name of the file, and nothing is left beside it."""
    before = file.read_text()
    error = config("set", key, "--", value, status=2)
    assert says in error
    assert file.read_text() == before
    assert not list(file.parent.glob(".config-*"))


def test_a_value_that_is_left_out_is_asked_for(file: Path) -> None:
    """A setting is not emptied by mistake, and one with another name is named."""
    assert config("set", "voice", status=2).endswith("voice needs a value.\n")
    assert "idle_timeout needs a value (did you mean worker.keep_alive?)" in config("set", "idle_timeout", status=2)


def test_a_usual_model_must_be_there(file: Path) -> None:
    """A bare name is taken as `--model` takes it; a model that the next request would not find is refused, with the
    commands that get it, unless it is downloaded by itself."""
    config("set", "stt", "tiny-en")
    assert config("get", "stt") == "moonshine/tiny-en\n"
    error = config("set", "tts", "kokoro/kokoro-v1.0", status=6)
    assert "kokoro/kokoro-v1.0 is not on this machine: run `" in error
    assert "`hushd models pull kokoro/kokoro-v1.0`" in error
    assert config("get", "tts") == "espeak-ng/all\n"
    assert "is not on this machine" in config("set", "tts_by_language.fr", "kokoro/kokoro-v1.0", status=6)
    config("set", "stt_by_language.en", "tiny-en")
    assert 'en = "moonshine/tiny-en"' in config("get", "stt_by_language")
    assert "must be an engine and a model" in config("set", "stt", "nosuch", status=2)


def test_set_makes_the_file(runtime: Path) -> None:
    """It makes the folder too, if there is none; a file that is not there is no mistake, unless it was named."""
    path = runtime / "deep/er/config.toml"
    assert "so the defaults hold.\n" in config("check", HUSHD_CONFIG=str(path))
    assert "none.toml does not exist" in config("check", "/none.toml", status=2)
    config("set", "exit_when_idle", "7", HUSHD_CONFIG=str(path))
    assert path.read_text() == "exit_when_idle = 7\n"
    assert config("check", HUSHD_CONFIG=str(path)) == f"{path} is fine.\n"
    assert config("path", HUSHD_CONFIG=str(path)) == f"{path}\n"


def test_a_running_supervisor_takes_it_over(supervisor: Supervisor, runtime: Path) -> None:
    """Its log says that it has read the file again."""
    config("set", "log_level", "debug")
    wait_until(lambda: "the configuration was read again" in supervisor.log(), "the line, which follows the answer")


def test_a_usual_voice_must_be_there(supervisor: Supervisor, runtime: Path) -> None:
    """A voice that no engine has is refused, and one of an engine is taken, or a name that programs know."""
    assert "There is no voice 'Ann Marie'" in config("set", "voice", "Ann", "Marie", status=2)
    config("set", "voice", "espeak-de")
    assert config("get", "voice") == "espeak-de\n"
