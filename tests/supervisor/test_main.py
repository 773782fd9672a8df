"""Tests of the command line of `python -m hushd_supervisor`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_supervisor.__main__ import main
from hushd_supervisor.arguments import Options, parse
from support.peer import Supervisor


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], Options()),
        (["run"], Options()),
        (["--auto"], Options(auto=True)),
        (["--ready-fd", "7", "--auto", "run"], Options(auto=True, ready_fd=7)),
        (["--after", "12"], Options(predecessor=12)),
        (["run", "--help"], Options(help=True)),
    ],
)
def test_arguments(arguments: list[str], options: Options) -> None:
    """Every option, in any order."""
    assert parse(arguments) == options


@pytest.mark.parametrize(
    "arguments", [["--ready-fd"], ["--ready-fd", "x"], ["--after", "-1"], ["start"], ["run", "a"], ["config", "check"]]
)
def test_arguments_that_make_no_sense(arguments: list[str]) -> None:
    """One sentence that says how it is used."""
    with pytest.raises(HushdError, match="use hushd serve") as caught:
        parse(arguments)
    assert caught.value.exit_code == 2


def test_a_configuration_that_is_not_there_is_told_of(
    start_supervisor: Callable[..., Supervisor], runtime: Path, tmp_path: Path
) -> None:
    """HUSHD_CONFIG names a file that does not exist: the log says so, and nothing where none is named."""
    missing = start_supervisor(environment={"HUSHD_CONFIG": str(tmp_path / "none.toml")})
    assert f"HUSHD_CONFIG names {tmp_path}/none.toml, which does not exist: the defaults hold" in missing.log()


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """--help prints a short usage to standard output with status 0, and starts nothing."""
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m hushd_supervisor ")


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """A supervisor that cannot start, run to its end."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "hushd_supervisor"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_bad_configuration_is_an_error_before_anything_is_started(runtime: Path) -> None:
    """Exit status 2, one sentence with file and key, no socket."""
    (runtime / "config.toml").write_text("qeue = 1\n")
    ended = run()
    assert ended.returncode == 2
    assert ended.stderr == f"hushd: {runtime}/config.toml: there is no key qeue (did you mean queue?).\n"
    assert not (runtime / "client.sock").exists()


@pytest.mark.parametrize("trouble", ["open", "link", "file"])
def test_a_runtime_folder_that_is_not_safe_is_refused(runtime: Path, trouble: str) -> None:
    """Open to others, a link, no folder: exit status 2 and what to do, in one sentence; nothing is put into it."""
    folder = runtime / "run"
    if trouble == "open":
        folder.mkdir()
        folder.chmod(0o755)
    elif trouble == "link":
        (runtime / "real").mkdir(mode=0o700)
        folder.symlink_to(runtime / "real")
    else:
        folder.touch()
    ended = run(HUSHD_RUNTIME_DIR=str(folder))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"hushd: The runtime folder {folder} ")
    assert ended.stderr.count("\n") == 1
    assert list(runtime.rglob("*.sock")) == []


def test_a_socket_path_that_is_too_long_is_refused(runtime: Path) -> None:
    """Exit status 2, with both lengths and what to set."""
    ended = run(HUSHD_RUNTIME_DIR=str(runtime / ("x" * 100)))
    assert ended.returncode == 2
    assert "HUSHD_RUNTIME_DIR" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_runtime_folder_of_somebody_else_is_refused(runtime: Path) -> None:
    """Exit status 2 and whose it is."""
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = runtime / "run"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, -1)
    ended = run(HUSHD_RUNTIME_DIR=str(folder))
    assert ended.returncode == 2
    assert "belongs to user 12345" in ended.stderr


def test_a_bug_is_one_sentence_too(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception nobody expected ends with status 70, naming the place; the traceback goes only into a log."""

    def broken(*_: object) -> None:
        raise RuntimeError("upside down")

    monkeypatch.setattr("hushd_supervisor.__main__.run", broken)
    assert main([]) == 70
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("hushd: The supervisor failed (RuntimeError at test_main.py:")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main([]) == 70
    assert "Traceback" not in capsys.readouterr().err
