"""A better model is offered once, to a person at a terminal: one key gets it, and what follows uses it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pty
import random
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd_cli.commands.listen import offer
from hushd_models import advice, recommendation
from hushd_models.inventory import Row
from hushd_models.recommendation import Hardware
from hushd_protocol.system import paths
from support.hub_server import Content, HubServer
from support.peer import TESTS
from support.peer import command as toml_command

MODEL = "whisper/mine"
WEIGHTS = random.Random(4).randbytes(300_000)
HEARD = hashlib.sha256(WEIGHTS).hexdigest()
QUESTION = "Get it now (3 MB, MIT), and use it from now on? [y/N]"
# `listen` in a session of its own, at the terminal that is its standard input; this model is the better one.
LISTEN = f"""
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from hushd_cli import entry
from hushd_cli.commands.listen import offer
from hushd_models import catalogue, user_models
from hushd_protocol.system import paths
offer._better = lambda: catalogue.find({MODEL!r}, user_models.configured(paths.find().config))
entry.listen()
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    server.files["/files/mine.pt"] = Content(WEIGHTS)
    yield server
    server.close()


@pytest.fixture
def recording(tmp_path: Path) -> str:
    soundfile.write(tmp_path / "a.wav", np.zeros(8_000, np.float32), 16_000)
    return str(tmp_path / "a.wav")


@pytest.fixture
def listen(
    hub: HubServer,
    start_supervisor: Callable[..., Any],
    recording: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], str]:
    """Runs `listen` at a terminal on which a key is pressed once it asks; returns the screen."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    needy = toml_command([sys.executable, str(TESTS / "needy_worker.py")])
    echo = toml_command([sys.executable, str(TESTS / "echo_worker.py")])
    start_supervisor(
        f'[models."{MODEL}"]\nurl = "{hub.url}/files"\nfiles = ["mine.pt"]\nlicence = "MIT"\nsize_mb = 3\n'
        f'[worker."stt/whisper"]\n{needy}[worker."stt/moonshine"]\n{echo}'
    )

    def run(key: str) -> str:
        leader, follower = pty.openpty()
        command = [sys.executable, "-P", "-c", LISTEN, recording]
        process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        screen = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while block := os.read(leader, 65536):
                screen += block
                if key and screen.rstrip().endswith(QUESTION.encode()):
                    os.write(leader, key.encode())
                    key = ""
        os.close(leader)
        process.wait()
        return screen.decode()

    return run


def test_yes_gets_it_and_uses_it(listen: Callable[[str], str], hub: HubServer) -> None:
    """This recording is heard by it, the configuration names it, and nobody is asked again."""
    screen = listen("y")
    assert "makes fewer mistakes in English than moonshine/tiny-en" in screen
    assert HEARD in screen
    place = paths.find()
    assert f'stt = "{MODEL}"' in place.config.read_text()
    assert (place.state / "offered").read_text() == f"{MODEL} yes\n"
    asked = len(hub.requests)
    screen = listen("")
    assert HEARD in screen
    assert QUESTION not in screen
    assert len(hub.requests) == asked


@pytest.mark.parametrize("key", ["n", "\n", "\x04", "?"])
def test_any_other_key_is_no(listen: Callable[[str], str], hub: HubServer, key: str) -> None:
    """Nothing is downloaded, the way to it later is named, and the answer is remembered."""
    screen = listen(key)
    assert f"Later: `hushd models pull {MODEL}`" in screen
    assert hub.requests == []
    assert (paths.find().state / "offered").read_text() == f"{MODEL} no\n"
    assert QUESTION not in listen("")


def test_a_hub_that_is_not_reached(listen: Callable[[str], str], hub: HubServer) -> None:
    """One sentence, and the recording is heard by the model that comes with hushd; the question may come again."""
    hub.files.clear()
    screen = listen("y")
    assert "There is nothing at" in screen
    assert "It goes on with the model that comes with hushd." in screen
    assert not (paths.find().state / "offered").exists()
    assert "stt =" not in paths.find().config.read_text()


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
def test_who_is_not_asked(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], terminal: bool
) -> None:
    """Programs, and whoever has said what they want."""
    monkeypatch.setattr(offer, "_is_person", lambda: terminal)
    monkeypatch.setattr(offer, "_better", lambda: pytest.fail("it was looked for"))
    usual = {"engine": None, "model": None, "task": "transcribe", "language": None}
    offer.offer(None, Namespace(**usual | options))  # type: ignore[arg-type]


def test_a_model_is_better_that_fits_and_whose_engine_is_here(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is offered to who has chosen one, has the best already, or would have to install an engine first."""
    engines = {"moonshine", "transcribe-cpp"}
    monkeypatch.setattr(advice, "engine_installed", engines.__contains__)
    monkeypatch.setattr(recommendation, "here", lambda folder: Hardware(2, 8000, 20000))
    known = offer._better()
    assert known is not None
    assert known.model == "transcribe-cpp/moonshine-streaming-medium"
    with monkeypatch.context() as patched:
        patched.setattr(Row, "usable", True)
        assert offer._better() is None
    paths.find().config.parent.mkdir(parents=True, exist_ok=True)
    paths.find().config.write_text('stt = "whisper/base"\n')
    assert offer._better() is None
    paths.find().config.unlink()
    engines.remove("transcribe-cpp")
    assert offer._better() is None
