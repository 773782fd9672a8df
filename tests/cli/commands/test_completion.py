"""`hushd completion` in real shells: commands, options, choices and files complete."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_reference import commands
from hushd_cli.commands import completion
from hushd_models import listings
from hushd_protocol.system import paths
from hushd_schema.description import Descriptions
from support.outside import lacking
from support.peer import BOUND_S


@pytest.fixture
def shell(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script for each shell, and hushd's commands on PATH."""
    for name in ("hushd", "say", "listen"):
        program = shlex.join([sys.executable, "-P", "-c", f"from hushd_cli import entry; entry.{name}()"])
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in ("bash", "zsh", "fish"):
        script = subprocess.run([tmp_path / "hushd", "completion", name], capture_output=True, check=True).stdout
        (tmp_path / f"script.{name}").write_bytes(script)
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
def test_commands_options_choices_and_files(
    shell: Path, ask: Callable[[Path, str], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TAB offers those of each command that begin so; choices and files where an option takes them."""
    assert ask(shell, "hushd doc") == {"doctor"}
    assert ask(shell, "hushd models pu") == {"pull"}
    assert "--json" in ask(shell, "hushd models list --j")
    assert "--markdown" in ask(shell, "say --mark")
    assert ask(shell, "say --priority imp") == {"important"}
    assert ask(shell, "hushd models rm moon") == {"moonshine/tiny-en"}
    assert ask(shell, "hushd config set log_level war") == {"warning"}
    monkeypatch.chdir(shell)
    (shell / "talk one.wav").touch()
    assert {name.replace("\\", "") for name in ask(shell, "listen --diarize talk")} == {"talk one.wav"}
    assert {name.replace("\\", "") for name in ask(shell, "say -o talk")} == {"talk one.wav"}


def test_bash_splits_a_line_at_its_equals_signs(shell: Path) -> None:
    """The value stands alone, or the sign with it."""
    assert "important" in in_bash(shell, "say --priority = ")
    assert in_bash(shell, "say --priority = imp") == {"important"}


def test_zsh_completes_at_the_prompt(shell: Path) -> None:
    """A tab at a real prompt of zsh finishes a command, an option and a choice."""
    needs("zsh")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "PS1": "> ", "ZDOTDIR": str(shell), "HOME": str(shell)}
    process = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    (shell / "talk one.wav").touch()
    try:
        os.write(
            ours, f"autoload -Uz compinit; compinit -u -d {shell}/dump; . {shell}/script.zsh; echo rea''dy\n".encode()
        )
        wait_for(ours, "ready")
        for typed, finished in (
            ("echo hu; hushd docto\t", "hushd doctor"),
            ("say --markd\t", "--markdown"),
            ("hushd models sho\t", "models show"),
            ("say --priority=imp\t", "--priority=important"),
            ("listen --model moon\t", "--model moonshine/tiny-en"),
            (f"listen {shell}/tal\t", "talk\\ one.wav"),
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


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("say --priority ", {"important", "text"}),
        ("hushd service ", {"install", "uninstall"}), ("hushd nosuch ", set()), ("hushd -", {"--help"}),
        ("hushd ", {"say", "models"}), ("say -v ", {"heart"}), ("listen --language ", {"de", "fr"}),
        ("hushd models rm ", {"moonshine/tiny-en", "hibari/en"}), ("hushd models pull ", {"faster-whisper/base"}),
        ("listen --model ", {"moonshine/tiny-en"}), ("say --model ", {"hibari/en"}), ("hushd get ", {"pt"}),
        ("hushd config set ", {"tts", "http.listen", "worker.keep_alive"}), ("hushd config set tts ", {"hibari/en"}),
        ("hushd config set auto_pull ", {"true", "false"}), ("hushd config set log_level ", {"debug"}),
        ("hushd config set worker.pinned ", {"true"}), ("hushd config set voice ", {"heart"}),
        ("hushd config set nosuch.key ", set()), ("hushd config unset log_level ", set()),
        ("hushd load ", {"stt", "tts/hibari"}),
        ("hushd servers remove ", {"mine"}), ("hushd logs ", {"supervisor"}),
    ],
)  # fmt: skip
def test_offers(runtime: Path, line: str, some: set[str]) -> None:
    """TAB offers a command's own words, and names: of installed models, or of all to pull; an unknown one has none."""
    (runtime / "servers").mkdir()
    (runtime / "servers" / "mine.toml").touch()
    (runtime / "state" / "logs").mkdir(parents=True)
    (runtime / "state" / "logs" / "supervisor.log").touch()
    *before, current = line.split(" ")
    offered = completion.offers([os.path.basename(before[0]), *before[1:]], current)
    assert offered is not None
    assert some <= {*offered}
    assert bool(some) == bool(offered)


def test_voices_are_those_of_the_last_list(runtime: Path) -> None:
    """TAB offers the list that a gateway or `say -v '?'` has left, with their languages; a voice that is not installed
    cannot speak."""
    voices = [
        {"name": name, "language": "en-US", "engine": "hibari", "installed": name == "heart"}
        for name in ("heart", "kore")
    ]
    engine = {"name": "hibari", "installed": True, "voices": voices}
    listings.save_catalogues(paths.find().listed, Descriptions.from_data({"tts": {"role": "tts", "engines": [engine]}}))
    assert completion.offers(["say", "-v"], "") == {"heart": "en-US hibari"}


def test_every_option_is_offered() -> None:
    """None is left out, also of commands that parse their own options."""
    every = {command.words: command for command in commands()}
    assert every.keys() >= {("hushd",), ("say",), ("hushd", "models", "pull"), ("hushd", "status")}
    for words, command in every.items():
        assert {flag for option in command.options for flag in option.flags} == {*(completion.offers(words, "-") or ())}
