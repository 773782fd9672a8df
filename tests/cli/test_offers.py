"""A better model is named once, to a person at a terminal, behind the text."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd_cli import offers
from hushd_models import advice, recommendation
from hushd_models.inventory import Row
from hushd_models.recommendation import Hardware
from hushd_protocol.system import paths
from support.peer import TESTS
from support.peer import command as toml_command

MODEL = "whisper/mine"
HINT = (
    f"listen: {MODEL} (3 MB) makes fewer mistakes in English: `hushd models pull {MODEL}`, then "
    f"`hushd config set stt {MODEL}`."
)
# `listen` in a session of its own, at the terminal that is its standard input; this model is the better one.
LISTEN = f"""
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from hushd_cli import entry
from hushd_cli import offers
from hushd_models import catalogue, user_models
from hushd_protocol.system import paths
offers._better = lambda: catalogue.find({MODEL!r}, user_models.configured(paths.find().config))
entry.listen()
"""


@pytest.fixture
def listen(start_supervisor: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Runs `listen` at a terminal; returns the screen."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    soundfile.write(tmp_path / "a.wav", np.zeros(8_000, np.float32), 16_000)
    echo = toml_command([sys.executable, str(TESTS / "echo_worker.py")])
    start_supervisor(
        f'[models."{MODEL}"]\nurl = "http://127.0.0.1:9/files"\nfiles = ["mine.pt"]\nsize_mb = 3\n'
        f'[worker."stt/moonshine"]\n{echo}'
    )

    def run() -> str:
        leader, follower = pty.openpty()
        command = [sys.executable, "-P", "-c", LISTEN, str(tmp_path / "a.wav")]
        process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        screen = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while block := os.read(leader, 65536):
                screen += block
        os.close(leader)
        process.wait()
        return screen.decode()

    return run


def test_it_is_said_once_behind_the_text(listen: Callable[[], str]) -> None:
    """The last line of the first `listen` names the model and its commands; the second says nothing of it."""
    assert listen().splitlines()[-1] == HINT
    assert "makes fewer mistakes" not in listen()


@pytest.mark.parametrize(
    ("options", "terminal"),
    [
        ({}, False),
        ({"engine": "moonshine"}, True),
        ({"model": "tiny-en"}, True),
        ({"task": "translate"}, True),
        ({"language": "de"}, True),
    ],
)
def test_nothing_is_said_to(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], terminal: bool
) -> None:
    """Programs, and whoever has said what they want."""
    monkeypatch.setattr(offers, "_is_person", lambda: terminal)
    monkeypatch.setattr(offers, "_better", lambda: pytest.fail("it was looked for"))
    usual = {"engine": None, "model": None, "task": "transcribe", "language": None}
    offers.mention_model(Namespace(**usual | options))


def test_a_model_is_better_that_fits_and_whose_engine_is_here(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is named where the user has chosen one, has the best already, or would have to install an engine first."""
    engines = {"moonshine", "transcribe-cpp"}
    monkeypatch.setattr(advice, "engine_installed", engines.__contains__)
    monkeypatch.setattr(recommendation, "here", lambda folder: Hardware(2, 8000, 20000))
    known = offers._better()
    assert known is not None
    assert known.model == "transcribe-cpp/parakeet-unified-en-0.6b"
    monkeypatch.setattr(recommendation, "here", lambda folder: Hardware(2, 800, 20000))
    known = offers._better()
    assert known is not None
    assert known.model == "transcribe-cpp/moonshine-streaming-medium"
    with monkeypatch.context() as patched:
        patched.setattr(Row, "usable", True)
        assert offers._better() is None
    paths.find().config.parent.mkdir(parents=True, exist_ok=True)
    paths.find().config.write_text('stt = "whisper/base"\n')
    assert offers._better() is None
    paths.find().config.unlink()
    engines.remove("transcribe-cpp")
    assert offers._better() is None


def test_a_session_in_another_language_is_told_of_its_line_once(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a session in English nor whoever set their languages is told it; a better English model comes after."""
    said: list[str] = []
    monkeypatch.setattr(offers.console, "complain", said.append)
    monkeypatch.setattr(offers, "_is_person", lambda: True)
    for session in ("C.UTF-8", "en_GB.UTF-8"):
        monkeypatch.setenv("LC_ALL", session)
        assert not offers.mention_language()
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    config = paths.find().config
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('languages = ["fr"]\n')
    assert not offers.mention_language()
    config.write_text("")
    assert [offers.mention_language(), offers.mention_language()] == [True, False]
    assert said == [
        "Your session is in French: `hushd get fr` has hushd speak and hear it. hushd itself knows English."
    ]
