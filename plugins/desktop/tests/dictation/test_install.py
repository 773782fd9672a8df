"""`hushd dictate --install`: the files that wait for a key in every session, and their end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hushd_cli.commands import service as units
from hushd_desktop.dictation.install import APPLICATION, UNIT, _desktop_word, find
from support import command_line

SYSTEMCTL = '#!/bin/sh\necho "$@" >> "$LOG"\n'


def dictate(home: Path, *arguments: str) -> str:
    """The output of the command, for a user with this home, and no program but those in its bin."""
    environment = {"HOME": str(home), "PATH": str(home / "bin"), "LOG": str(home / "log")}
    done = command_line.run("hushd", "dictate", *arguments, env=environment, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path


def test_a_user_service(home: Path) -> None:
    """systemd runs the same command without --install, and portals find the program's name."""
    (home / "bin/systemctl").write_text(SYSTEMCTL)
    (home / "bin/systemctl").chmod(0o755)
    output = dictate(home, "--key", "Super+d", "--install", "--end", "a b")
    unit = (home / ".config/systemd/user" / UNIT).read_text()
    assert f'ExecStart={units.quoted(sys.executable)} -P -m hushd dictate --key "Super+d" --end "a b"\n' in unit
    assert (home / f".local/share/applications/{APPLICATION}.desktop").exists()
    assert (home / "log").read_text().splitlines() == [
        "--user daemon-reload", f"--user enable {UNIT}", f"--user restart {UNIT}",
    ]  # fmt: skip
    assert output.splitlines()[-1] == "Super+d dictates."
    dictate(home, "--uninstall")
    assert f"--user disable --now {UNIT}" in (home / "log").read_text()
    assert not list((home / ".config/systemd/user").iterdir())


def test_without_systemd(home: Path) -> None:
    """The desktop starts it with the session."""
    output = dictate(home, "--key", "F9", "--install")
    entry = (home / f".config/autostart/{APPLICATION}.desktop").read_text()
    assert f"Exec={_desktop_word(sys.executable)} -P -m hushd dictate --key F9\n" in entry
    assert output.splitlines()[-1] == "The next session waits for F9."
    assert "removed" in dictate(home, "--uninstall")
    assert dictate(home, "--uninstall") == "No key dictates here.\n"


def test_names_are_the_users(home: Path) -> None:
    """A file with examples is written once, in which nothing is meant yet; it stays."""
    dictate(home, "--key", "F9", "--install")
    names = home / ".config/hushd/names.txt"
    assert all(line.startswith("#") for line in names.read_text().splitlines())
    names.write_text("Kubernetes\n")
    dictate(home, "--key", "F9", "--install")
    dictate(home, "--uninstall")
    assert names.read_text() == "Kubernetes\n"


@pytest.mark.parametrize(("word", "written"), [
    ("/usr/bin/python3", "/usr/bin/python3"), ("a b", '"a b"'), ("50%", '"50%%"'), ('say "$x"', r'"say \\"\\$x\\""'),
    ("back\\slash", r'"back\\\\slash"'), ("", '""'),
])  # fmt: skip
def test_words_of_a_desktop_entry(home: Path, word: str, written: str) -> None:
    """They are quoted as the specification has it: for the command line, and once more as a value of the file."""
    (entry, *_) = find([word], {"HOME": str(home)}).files.values()
    assert f"\nExec={written}\n" in entry
