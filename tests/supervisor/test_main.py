"""Tests of the command line of `python -m hushd_supervisor`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_supervisor.__main__ import Options, main, parse


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], Options()),
        (["run"], Options()),
        (["--auto"], Options(auto=True)),
        (["--ready-fd", "7", "--auto", "run"], Options(auto=True, ready_fd=7)),
        (["config", "check"], Options(check="")),
        (["config", "check", "a.toml"], Options(check="a.toml")),
        (["run", "--help"], Options(help=True)),
    ],
)
def test_arguments(arguments: list[str], options: Options) -> None:
    """Every option, in any order."""
    assert parse(arguments) == options


@pytest.mark.parametrize(
    "arguments", [["--ready-fd"], ["--ready-fd", "x"], ["start"], ["config"], ["config", "check", "a", "b"]]
)
def test_arguments_that_make_no_sense(arguments: list[str]) -> None:
    """One sentence that says how it is used."""
    with pytest.raises(HushdError, match="use hushd run, hushd serve, or hushd config check") as caught:
        parse(arguments)
    assert caught.value.exit_code == 2


def test_config_check_says_whether_a_file_makes_sense(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for a good file and for none at the usual place; 2 and the mistake for a bad one, or none that was named."""
    assert main(["config", "check"]) == 0
    assert "does not exist, so the defaults hold" in capsys.readouterr().out
    (runtime / "config.toml").write_text("queue = 3\n")
    assert main(["config", "check"]) == 0
    assert "config.toml is fine." in capsys.readouterr().out
    (runtime / "bad.toml").write_text("queue = 'x'\n")
    assert main(["config", "check", str(runtime / "bad.toml")]) == 2
    assert "queue must be a whole number" in capsys.readouterr().err
    assert main(["config", "check", str(runtime / "none.toml")]) == 2
    assert "none.toml does not exist" in capsys.readouterr().err


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """--help prints a short usage to standard output with status 0, and starts nothing."""
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m hushd_supervisor ")


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ('stt = "moonshin/tiny-en"', "stt", "did you mean moonshine?"),
        ('tts_small = "hibary/en"', "tts_small", "did you mean hibari?"),
        ('[worker."stt/faster-wisper"]\nkeep_alive = 1', 'worker."stt/faster-wisper"', "did you mean faster-whisper?"),
        ('[worker."tts/xyzzy/a"]\nkeep_alive = 1', 'worker."tts/xyzzy/a"', "kokoro"),
    ],
)
def test_config_check_knows_the_engines(
    runtime: Path, capsys: pytest.CaptureFixture[str], text: str, key: str, hint: str
) -> None:
    """An engine that no installed package has is an error with the key, the nearest name and all there are."""
    (runtime / "config.toml").write_text(text)
    assert main(["config", "check"]) == 2
    error = capsys.readouterr().err
    assert f"config.toml: {key} names the engine " in error
    assert hint in error
    assert error.count("\n") == 1


def test_config_check_accepts_engines_of_others(
    runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that another package adds by an entry point is known, and so is a name with a command of its own."""
    (runtime / "config.toml").write_text(
        'tts = "mine/a"\n[worker."stt/whistle"]\nkeep_alive = 1\n[worker."tts/mine"]\ncommand = ["/bin/mine"]\n'
    )
    assert main(["config", "check"]) == 2
    assert "'whistle'" in capsys.readouterr().err
    package = runtime / "whistle-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: whistle\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[hushd.stt_engines]\nwhistle = whistle:Whistle\n")
    monkeypatch.syspath_prepend(str(runtime))
    assert main(["config", "check"]) == 0


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """A supervisor that cannot start, run to its end."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "hushd_supervisor"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
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
