"""Tests of the command line of `python -m hushd_supervisor`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_supervisor.__main__ import main
from hushd_supervisor.arguments import HELP, Options, parse


@pytest.mark.parametrize(("arguments", "options"), [
    ([], Options()),
    (["run"], Options()),
    (["--auto"], Options(auto=True)),
    (["--ready-fd", "7", "--auto", "run"], Options(auto=True, ready_fd=7)),
    (["run", "--help"], Options(help=True)),
])  # fmt: skip
def test_arguments(arguments: list[str], options: Options) -> None:
    """Every option, in any order."""
    assert parse(arguments) == options


@pytest.mark.parametrize(
    "arguments", [["--ready-fd"], ["--ready-fd", "x"], ["start"], ["run", "a"], ["config", "check"]]
)
def test_arguments_that_make_no_sense(arguments: list[str]) -> None:
    """One sentence that says how it is used."""
    with pytest.raises(HushdError, match="use hushd serve") as caught:
        parse(arguments)
    assert caught.value.exit_code == 2


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "hushd_supervisor"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_a_bad_configuration_is_an_error_before_anything_is_started(runtime: Path) -> None:
    """Exit status 2, one sentence with file and key, no socket."""
    (runtime / "config.toml").write_text("auto_pul = 1\n")
    ended = run()
    assert ended.returncode == 2
    assert ended.stderr == f"hushd: {runtime}/config.toml: there is no key auto_pul (did you mean auto_pull?).\n"
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


@pytest.mark.parametrize(("error", "status", "said"), [
    (None, 0, ""),
    (HushdError("no_supervisor", "One runs."), 3, "hushd: One runs.\n"),
    (HushdError("bad_request", "No."), 2, "hushd: No.\n"),
])  # fmt: skip
def test_the_status_says_how_it_ended(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: HushdError | None,
    status: int,
    said: str,
) -> None:
    """A service manager starts one again that has failed, and leaves alone one that ended in order."""

    def end(*_: object) -> None:
        if error:
            raise error

    monkeypatch.setattr("hushd_supervisor.__main__.run", end)
    assert main([]) == status
    assert capsys.readouterr().err == said


def test_help_is_printed_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its status is 0."""
    monkeypatch.setattr("hushd_supervisor.__main__.run", None)
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == HELP


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
