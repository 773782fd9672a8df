"""`listen --model auto` and `hushd models quantize`, as commands with real workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_schema import engines
from hushd_schema.settings import Settings
from support import warm
from support.commands import RATE, say, unpack_checkpoint
from support.peer import Supervisor
from support.wer import words

BIN = Path(sys.executable).parent
Start = Callable[..., Supervisor]
pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def alone(runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folders of its own, caches and models too; supervisors start by themselves."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return runtime


def hushd(*arguments: str | Path, status: int = 0) -> str:
    done = warm.run([BIN / "hushd", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


def test_the_default_models_are_the_supervisors() -> None:
    """The engines that are preferred, with their default models, are the supervisor's own defaults."""
    for role in ENGINE_ROLES:
        assert Settings().default_model(role) == engines.usual_model(role)


def test_auto_takes_what_is_installed(start_supervisor: Start, alone: Path) -> None:
    """`--model auto` hears English with the embedded model and says so; nobody hears Japanese: `model_missing`."""
    start_supervisor("")
    file = alone / "a.wav"
    soundfile.write(file, say(["open", "the", "red", "door"]), RATE)
    heard = subprocess.run(
        [BIN / "listen", "--model", "auto", "--language", "en", file], capture_output=True, text=True, timeout=60
    )
    assert (heard.returncode, words(heard.stdout)) == (0, ["open", "the", "red", "door"])
    with Client() as client:
        choice = client.choose_model("en", speed="fast")
        assert (choice.engine, choice.model) == ("moonshine", "tiny-en")
        assert "tiny-en" in choice.why
        assert words(client.transcribe(file, model="auto", language="en").text) == ["open", "the", "red", "door"]
        with pytest.raises(HushdError) as caught:
            client.transcribe(file, model="auto", language="ja")
        assert caught.value.code == "model_missing"
        with pytest.raises(HushdError, match="fast, medium, slow"):
            client.transcribe(file, model="auto", speed="quick")


def test_a_checkpoint_is_made_smaller_and_heard_with(start_supervisor: Start, alone: Path) -> None:
    """The command converts in a worker, whose memory is small again, and `listen` hears with what it has made."""
    for package in ("ctranslate2", "faster_whisper", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    start_supervisor("")
    unpack_checkpoint(Path(os.environ["HUSHD_MODELS_DIR"]) / "whisper" / "commands.pt")
    (told,) = json.loads(hushd("models", "quantize", "whisper/commands", "--json"))
    assert told["model"] == "faster-whisper/commands"
    with Client() as client:
        (row,) = [row for row in client.status().workers if row.role == "models"]
        assert row.pss_mb is None or row.pss_mb < 60
    file = alone / "a.wav"
    soundfile.write(file, say(["left", "right"]), RATE)
    heard = subprocess.run(
        [BIN / "listen", "--engine", "faster-whisper", "--model", "commands", "--language", "en", file],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert heard.returncode == 0, heard.stderr
    assert "right" in words(heard.stdout)
    assert "int4" in hushd("models", "quantize", "whisper/commands", "--to", "int4", status=2)


def test_a_checkpoint_of_another_program_is_enough(start_supervisor: Start, alone: Path) -> None:
    """The whole way by itself: what openai-whisper's package has downloaded is converted once for whoever asks
    faster-whisper for it, without any network, and the second who asks does not wait for that."""
    for package in ("ctranslate2", "faster_whisper", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    start_supervisor("auto_pull = true\n")
    unpack_checkpoint(Path(os.environ["XDG_CACHE_HOME"]) / "whisper" / "tiny.en.pt")
    file = alone / "a.wav"
    soundfile.write(file, say(["left", "right"]), RATE)
    steps: list[tuple[str, float, float]] = []
    with Client(on_pull=lambda *step: steps.append(step)) as client:
        heard = client.transcribe(file, engine="faster-whisper", model="tiny.en", language="en")
        assert "right" in words(heard.text)
        assert steps
        made = Path(os.environ["HUSHD_MODELS_DIR"]) / "faster-whisper" / "tiny.en" / "model.bin"
        inode = made.stat().st_ino
        client.unload()
        told = len(steps)
        client.transcribe(file, engine="faster-whisper", model="tiny.en", language="en")
        assert (made.stat().st_ino, len(steps)) == (inode, told)
