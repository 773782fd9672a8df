"""`hushd config`: shows and changes settings, and puts nothing in place that a supervisor would refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_cli.commands.config.file import change
from hushd_protocol.errors import HushdError
from support import warm
from support.peer import Supervisor, wait_until

CODE = "from hushd_cli import entry; entry.hushd()"


def config(*words: str, status: int = 0, **environment: str) -> str:
    done = warm.run(
        [sys.executable, "-P", "-c", CODE, "config", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@pytest.fixture
def file(runtime: Path) -> Path:
    path = runtime / "config.toml"
    path.write_text('# mine\ntts = "espeak-ng/all" # small\n\n[worker."stt/moonshine"]\nkeep_alive = 5 # short\n')
    return path


def test_show_has_every_setting_and_marks_those_that_are_not_defaults(file: Path) -> None:
    """A line a setting; of one worker only its own settings; one setting alone is its bare value."""
    lines = config("show").splitlines()
    assert 'tts = "espeak-ng/all"  # default: "hibari/en"' in lines
    assert "queue = 200" in lines
    assert "worker.keep_alive = 300.0" in lines
    assert 'worker."stt/moonshine".keep_alive = 5.0  # default: 300.0' in lines
    assert config("show", "tts") == "espeak-ng/all\n"
    assert config("show", "worker.stt/moonshine").startswith("5.0")
    assert len(config("show", "http").splitlines()) > 3
    rows = {row["key"]: row for row in json.loads(config("show", "--json"))}
    assert rows["tts"] == {"key": "tts", "value": "espeak-ng/all", "default": "hibari/en"}
    assert "did you mean queue" in config("show", "queu", status=2)


@pytest.mark.guest("gateway")  # which takes addresses
def test_set_changes_one_key_and_leaves_comments(file: Path) -> None:
    """Strings need no quotes, lists and numbers are TOML's, and a new table is made where it is needed."""
    config("set", "tts", "hibari/en")
    config("set", "worker.stt/moonshine.keep_alive", "10m")
    config("set", "http.listen", '["127.0.0.1:8000"]')
    config("set", "log_content", "true")
    text = file.read_text()
    assert text.startswith('# mine\ntts = "hibari/en" # small\n')
    assert 'keep_alive = "10m" # short' in text
    assert '[http]\nlisten = ["127.0.0.1:8000"]' in text
    assert config("show", "log_content") == "true\n"
    config("unset", "worker.stt/moonshine.keep_alive")
    assert "keep_alive" not in file.read_text()


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [("queue", "-3", "queue must be"), ("quue", "3", "did you mean queue"), ("a b", "3", "is not a key")],
)
def test_what_a_supervisor_would_refuse_changes_nothing(file: Path, key: str, value: str, says: str) -> None:
    """The error is that of the check, under the name of the file, and nothing is left beside it."""
    before = file.read_text()
    error = config("set", key, "--", value, status=2)
    assert says in error
    assert file.read_text() == before
    assert not list(file.parent.glob(".config-*"))


def test_set_makes_the_file(runtime: Path) -> None:
    """It makes the folder too, if there is none."""
    path = runtime / "deep/er/config.toml"
    config("set", "queue", "7", HUSHD_CONFIG=str(path))
    assert path.read_text() == "queue = 7\n"
    assert config("path", HUSHD_CONFIG=str(path)) == f"{path}\n"


def test_a_running_supervisor_takes_it_over(supervisor: Supervisor, runtime: Path) -> None:
    """Its log says that it has read the file again."""
    config("set", "log_level", "debug")
    wait_until(lambda: "the configuration was read again" in supervisor.log(), "the line, which follows the answer")


def editor(folder: Path, script: str) -> str:
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_edit_puts_in_place_what_is_right(file: Path, tmp_path: Path) -> None:
    """The editor gets a copy; once that is right it takes the file's place."""
    config("edit", EDITOR=editor(tmp_path, 'sed -i s,espeak-ng/all,hibari/en, "$1"'))
    assert 'tts = "hibari/en" # small' in file.read_text()
    assert not list(file.parent.glob(".config-*"))


def test_edit_keeps_what_is_wrong_aside(file: Path, tmp_path: Path) -> None:
    """The file stays, and the error names the copy."""
    before = file.read_text()
    error = config("edit", status=2, EDITOR=editor(tmp_path, 'sed -i s/tts/ttx/ "$1"'))
    (kept,) = file.parent.glob(".config-*")
    assert "did you mean tts" in error
    assert str(kept) in error
    assert (file.read_text(), "ttx" in kept.read_text()) == (before, True)


def test_edit_begins_with_every_key(runtime: Path, tmp_path: Path) -> None:
    """A new file has all settings as comments, in their tables, and taking the marks away it is right."""
    script = 'sed -i -e "1d" -e "s/^# //" "$1"'
    config("edit", EDITOR=editor(tmp_path, script))
    text = (runtime / "config.toml").read_text()
    assert re.search(r"^\[worker\] ", text, re.MULTILINE)
    assert "how long a worker stays" in text
    assert "queue = 200" in text
    assert all("default" not in line for line in config("show").splitlines())


def test_an_editor_that_fails_changes_nothing(file: Path) -> None:
    """Neither one that is missing nor one that gives up."""
    before = file.read_text()
    assert "set EDITOR" in config("edit", status=2, EDITOR="/no/such/editor")
    assert "nothing has changed" in config("edit", status=130, EDITOR="false")
    assert file.read_text() == before


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A link stays one, rights stay; without a file one is made; a folder that cannot be written is a sentence."""

    def with_queue(text: str) -> str:
        return f"{text}queue = 5\n"

    place = tmp_path / "real.toml"
    place.write_text("# mine\n")
    place.chmod(0o600)
    link = tmp_path / "config.toml"
    link.symlink_to(place)
    change(link, with_queue)
    assert link.is_symlink()
    assert place.stat().st_mode & 0o777 == 0o600
    assert link.read_text() == "# mine\nqueue = 5\n"
    change(tmp_path / "new" / "config.toml", with_queue)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["config.toml"]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HushdError) as caught:
        change(blocked / "config.toml", with_queue)
    assert caught.value.code in ("output_failed", "bad_request")
    assert os.listdir(tmp_path / "new") == ["config.toml"]
