"""`hushd welcome`: eight lines, and by itself on a terminal where hushd has never run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hushd_cli.commands import welcome
from hushd_models.inventory import rows
from hushd_models.recommendation import Hardware, Recommendation, recommend
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

HUSHD = (sys.executable, "-c", "from hushd_command import hushd; hushd()")
MACHINE = Hardware(cores=4, memory_mb=8000, disk_mb=50_000)


@pytest.fixture
def new(runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder that is not there yet; no supervisor is started, so that nothing is spoken."""
    monkeypatch.setenv("HUSHD_STATE_DIR", str(tmp_path / "no" / "state"))
    monkeypatch.setenv("HUSHD_AUTOSTART", "0")
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    return tmp_path / "no" / "state"


def on_a_terminal(*words: str) -> list[str]:
    """The lines that `hushd` prints on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*HUSHD, *words], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0, text
    return text.decode().splitlines()


def recommended(role: str, installed: bool) -> Sequence[Recommendation]:
    """The recommendations for English, with each engine installed, or none."""
    return recommend(rows(Store(paths.find())), MACHINE, "en", role, lambda engine: installed)


def test_a_new_machine_is_welcomed_once(new: Path) -> None:
    """`hushd` alone prints the eight lines; given again, it lists the commands."""
    first, second = on_a_terminal(), on_a_terminal()
    assert len(first) == 8
    assert first[0].startswith("hushd gives programs on this machine a voice and ears")
    assert new.is_dir()
    assert second[0].startswith("usage: hushd")


def test_a_sentence_is_spoken_where_there_is_a_loudspeaker(
    new: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By `say`; a loudspeaker that is gone by then takes nothing from the lines."""
    spoken: list[str] = []

    def say(prog: str, argv: Sequence[str]) -> int:
        spoken.extend(argv)
        raise HushdError("no_device", "The loudspeaker is gone.")

    monkeypatch.setattr(welcome, "_has_loudspeaker", lambda: True)
    monkeypatch.setattr(welcome, "_present", lambda models: models[0])
    monkeypatch.setattr("hushd_cli.commands.say.command.main", say)
    assert welcome.main("hushd welcome", []) == 0
    assert spoken == [welcome._SENTENCE]
    assert len(capfd.readouterr().out.splitlines()) == 8


def test_it_is_shown_again_when_that_is_wanted(new: Path) -> None:
    """`hushd welcome` prints the same wherever hushd has run before."""
    assert on_a_terminal() == on_a_terminal("welcome")


def test_a_program_gets_the_list_of_commands(new: Path) -> None:
    """Without a terminal there is nobody to welcome, and nothing is made."""
    done = subprocess.run(HUSHD, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("usage: hushd")
    assert not new.exists()


def test_the_better_model_comes_with_one_command(new: Path) -> None:
    """The best that fits, its size, and all its steps in one line; then what there is already."""
    hearing, speaking = recommended("stt", True), recommended("tts", True)
    lines = welcome.lines("en", MACHINE, hearing, speaking)
    assert lines[1] == "Here: moonshine/tiny-en hears en, hibari/en speaks en."
    assert lines[2].endswith(f"machine is {hearing[0].row.model} ({hearing[0].known.size_mb} MB):")
    assert lines[3] == f"  $ {' && '.join(hearing[0].commands)}"
    assert [line.split("  ")[1] for line in lines[4:7]] == [f"$ {command}" for command, _ in welcome._NEXT]


def test_another_language_comes_by_its_line(new: Path) -> None:
    """Whatever that has to install and to download."""
    french = recommend(rows(Store(paths.find())), MACHINE, "fr", "stt", lambda engine: False)
    assert welcome.lines("fr", MACHINE, french, [])[3] == "  $ hushd get fr"
