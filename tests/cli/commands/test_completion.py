"""`hushd completion` in real shells: commands, options and names complete."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hushd_cli.commands.completion import bash, fish, values, zsh
from hushd_cli.reference import CommandReference, completed
from hushd_schema.settings import WorkerSettings
from hushd_schema.settings.declaration import settings_of
from support.outside import lacking
from support.peer import BOUND_S

SCRIPTS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}


@pytest.fixture(scope="module")
def every() -> list[CommandReference]:
    return completed()


@pytest.fixture
def shell(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, every: list[CommandReference]) -> Path:
    """A folder with a script for each shell, and hushd's commands on PATH."""
    for name in ("hushd", "say", "listen"):
        program = shlex.join([sys.executable, "-P", "-c", f"from hushd_cli import entry; entry.{name}()"])
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name, script in SCRIPTS.items():
        (tmp_path / f"script.{name}").write_text(script(every))
    return tmp_path


def needs(program: str) -> None:
    if absent := lacking(program):
        pytest.skip(f"not installed: {absent}")


def in_bash(shell: Path, line: str) -> set[str]:
    """The words that bash offers at the end of `line`."""
    needs("bash")
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    program = (
        f"source {shell}/script.bash; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _hushd; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, timeout=BOUND_S)
    assert not done.stderr
    return set(done.stdout.split("\n")) - {""}


def in_fish(shell: Path, line: str) -> set[str]:
    needs("fish")
    program = f"source {shell}/script.fish; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=os.environ | {"HOME": str(shell)},
    )
    assert not done.stderr
    return {offer.split("\t")[0] for offer in done.stdout.splitlines()}


@pytest.mark.parametrize("ask", [in_bash, in_fish])
def test_commands_options_and_names(shell: Path, ask: object) -> None:
    """Of each command those that begin so; voices, models, workers and choices where an option takes them."""
    assert callable(ask)
    assert ask(shell, "hushd doc") == {"doctor"}
    assert ask(shell, "hushd models pu") == {"pull"}
    assert "--json" in ask(shell, "hushd models list --")
    assert "--markdown" in ask(shell, "hushd say --mark")
    assert "--markdown" in ask(shell, "say --mark")
    assert ask(shell, "say --priority imp") == {"important"}
    assert ask(shell, "say -v hea") == {"heart"}
    assert ask(shell, "listen --model tin") == {"tiny-en"}
    assert ask(shell, "hushd workers start stt/moonshine/") == {"stt/moonshine/tiny-en"}
    assert ask(shell, "hushd models show hibari/e") >= {"hibari/en", "hibari/emma"}
    assert ask(shell, "hushd service ins") == {"install"}


def test_files_complete_where_files_are_read(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of `listen`, and a value with an equals sign."""
    monkeypatch.chdir(shell)
    (shell / "talk one.wav").touch()
    assert in_bash(shell, "listen tal") == {"talk one.wav"}
    assert in_bash(shell, "say -o tal") == {"talk one.wav"}
    assert "tiny-en" in in_bash(shell, "listen --model = ")


def test_zsh_completes_at_the_prompt(shell: Path) -> None:
    """A tab at a real prompt of zsh finishes a command, an option and a name."""
    needs("zsh")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "PS1": "> ", "ZDOTDIR": str(shell), "HOME": str(shell)}
    process = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        os.write(
            ours, f"autoload -Uz compinit; compinit -u -d {shell}/dump; . {shell}/script.zsh; echo rea''dy\n".encode()
        )
        wait_for(ours, "ready")
        for typed, finished in (
            ("echo hu; hushd docto\t", "hushd doctor"),
            ("say --markd\t", "--markdown"),
            ("hushd models sho\t", "models show"),
            ("say -v hear\t", "heart"),
        ):
            os.write(ours, typed.encode())
            wait_for(ours, finished)
            os.write(ours, b"\x15")  # the line is emptied
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def wait_for(terminal: int, text: str) -> None:
    shown, end = "", time.monotonic() + BOUND_S
    while text not in shown:
        assert select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0], shown
        shown += os.read(terminal, 65536).decode(errors="replace")


def test_every_command_and_option_is_in_every_script(every: list[CommandReference]) -> None:
    """None is left out, also of commands that parse their own options."""
    paths = {command.path for command in every}
    assert paths >= {"hushd", "say", "listen", "hushd say", "hushd models pull", "hushd top", "hushd service"}
    for name, script in SCRIPTS.items():
        text = script(every)
        for command in every:
            assert command.path in text
            for option in command.options:
                flags = option.flags if name != "fish" else [flag.lstrip("-") for flag in option.flags]
                assert all(flag in text for flag in flags), (name, command.path)


def test_keys_of_settings_complete(runtime: Path, every: list[CommandReference]) -> None:
    """`hushd config` takes every setting that is declared, and those that the user's file has for some workers."""
    (runtime / "config.toml").write_text('[worker."stt/moonshine"]\npinned = true\n')
    takes = {(argument.names, command.path) for command in every for argument in command.arguments}
    assert {("settings", f"hushd config {word}") for word in ("show", "set", "unset")} <= takes
    found = values.values("settings")
    assert {"tts", "http.listen", "worker.keep_alive", "worker.stt/moonshine.pinned"} <= set(found)
    assert {f"worker.{name}" for name in settings_of(WorkerSettings)} <= set(found)
