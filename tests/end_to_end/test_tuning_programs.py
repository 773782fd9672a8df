"""`listen --model auto`, as a command with real workers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from hushd import Client
from hushd_protocol.errors import HushdError
from support.commands import RATE, say
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
