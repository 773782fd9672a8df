"""Tests of `hushd service`, with a home of their own and a systemctl or launchctl made of a script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hushd_cli.commands import service as units
from support.command_line import run

SYSTEMD = units.PACKAGING / "systemd/user"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; PATH has nothing but what a test puts into `bin`."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("XDG_CONFIG_HOME", "HUSHD_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def manager(home: Path, name: str = "systemctl", script: str = "exit 0") -> None:
    """A service manager's program: notes what it is told in `told`, and does `script`."""
    program = home / "bin" / name
    program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{home}/told"\n{script}\n')
    program.chmod(0o755)


def told(home: Path) -> list[str]:
    return (home / "told").read_text().splitlines() if (home / "told").exists() else []


def hushd(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("hushd", "service", *arguments, text=True)


def tree(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): path.read_text() for path in home.rglob("hushd.*") if path.is_file()}


def test_install_writes_the_packaged_units_with_this_python(home: Path) -> None:
    """The files are those of `packaging`, but for the program; then systemd is told, in this order."""
    manager(home)
    done = hushd("install")
    assert (done.returncode, done.stderr) == (0, "")
    written, python = tree(home), units.quoted(sys.executable)
    assert set(written) == {f".config/systemd/user/{name}" for name in ("hushd.service", "hushd.socket")}
    for path, text in written.items():
        packaged = (SYSTEMD / Path(path).name).read_text()
        assert text == packaged.replace("=/usr/bin/python3 ", f"={python} ")
    assert f"ExecStart={python} -P -m hushd_supervisor\n" in written[".config/systemd/user/hushd.service"]
    assert told(home) == ["systemctl --user daemon-reload", "systemctl --user enable --now hushd.socket"]


def test_install_and_uninstall_may_be_repeated(home: Path) -> None:
    """The second time changes no file; after uninstall nothing is left, and the second uninstall says so."""
    manager(home)
    hushd("install")
    before = {path: path.stat().st_mtime_ns for path in home.rglob("hushd.*")}
    again = hushd("install")
    assert (again.returncode, "wrote" in again.stdout) == (0, False)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("hushd.*")} == before
    gone = hushd("uninstall")
    assert (gone.returncode, gone.stderr, tree(home)) == (0, "", {})
    assert told(home)[-2:] == ["systemctl --user disable --now hushd.socket", "systemctl --user daemon-reload"]
    count = len(told(home))
    once_more = hushd("uninstall")
    assert (once_more.returncode, once_more.stdout) == (0, "hushd is not a service here.\n")
    assert len(told(home)) == count


def test_without_systemctl_it_says_what_to_do(home: Path) -> None:
    """The files are written and the commands named: no failure, since hushd works without a service manager."""
    done = hushd("install")
    assert (done.returncode, done.stderr) == (0, "")
    assert "There is no systemctl here" in done.stdout
    assert "run: systemctl --user daemon-reload && systemctl --user enable --now hushd.socket" in done.stdout
    assert len(tree(home)) == 2
    gone = hushd("uninstall")
    assert (gone.returncode, tree(home)) == (0, {})


def test_install_listens_for_other_programs_where_it_is_told_to(home: Path) -> None:
    """A unit for each kind, with all its addresses; a running service is ended, as systemd gives it no more sockets."""
    manager(home)
    folder = home / ".config/systemd/user"
    done = hushd("install", "--http", "127.0.0.1:8880", "--http", "[::1]:2022", "--wyoming", "tcp://127.0.0.1:10300")
    assert (done.returncode, done.stderr) == (0, "")
    http = (folder / "hushd-http.socket").read_text()
    assert "\nListenStream=127.0.0.1:8880\nListenStream=[::1]:2022\nFileDescriptorName=http\n" in http
    wyoming = (folder / "hushd-wyoming.socket").read_text()
    assert "\nListenStream=127.0.0.1:10300\nFileDescriptorName=wyoming\n" in wyoming
    sockets = "hushd.socket hushd-http.socket hushd-wyoming.socket"
    assert told(home)[1:] == ["systemctl --user stop hushd.service", f"systemctl --user enable --now {sockets}"]
    assert hushd("install").stdout == "hushd is a service now: the first request starts it.\n"  # it stays as it is
    assert (folder / "hushd-http.socket").read_text() == http
    hushd("uninstall")
    assert list(folder.iterdir()) == []
    assert told(home)[-2] == f"systemctl --user disable --now {sockets}"


@pytest.mark.plugin("watch")
def test_a_folder_is_watched_from_each_login_on(home: Path) -> None:
    """A unit of its own runs `hushd watch` with the words, from where they were typed, beside hushd's own service;
    uninstall ends one folder's, or all, and words that `hushd watch` refuses are refused before anything is written."""
    manager(home)
    units_folder = home / ".config/systemd/user"
    (home / "a $b").mkdir()
    assert hushd("install", "--watch", "a $b", "-f", "doc").returncode == 2
    assert not units_folder.exists()
    done = run("hushd", "service", "install", "--watch", "a $b", "-f", "srt", "--to", "50%", text=True, cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    (unit,) = units_folder.glob("hushd-watch-*a-b.service")
    line = f'ExecStart={units.quoted(sys.executable)} -P -m hushd watch "a $$b" -f srt --to 50%%\n'
    assert line in unit.read_text()
    assert f"WorkingDirectory={home}\n" in unit.read_text()
    assert told(home)[-2:] == [f"systemctl --user {verb} {unit.name}" for verb in ("enable", "restart")]
    run("hushd", "service", "uninstall", "--watch", "a $b", text=True, cwd=home)
    assert (unit.exists(), (units_folder / "hushd.socket").exists()) == (False, True)
    run("hushd", "service", "install", "--watch", "a $b", text=True, cwd=home)
    assert unit.exists()
    hushd("uninstall")
    assert list(units_folder.iterdir()) == []
