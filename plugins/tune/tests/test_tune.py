"""`hushd tune DIR`, as a command with real workers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import soundfile
from support import warm
from support.peer import Start
from support.recordings import recording

BIN = Path(sys.executable).parent


@pytest.fixture
def alone(runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folders of its own, caches and models too; supervisors start by themselves."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return runtime


def hushd(*arguments: str | Path, status: int = 0) -> str:
    done = warm.run([BIN / "hushd", *arguments], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


READ = {
    "beckett": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "two_cities": "It was the best of times, it was the worst of times.",  # the words read in its first 5 s
}


def test_the_carried_model_hears_a_folder(start_supervisor: Start, alone: Path, tmp_path: Path) -> None:
    """Its words are counted, and two sentences are said to be too little, so that nothing is written."""
    pytest.importorskip("moonshine_voice", reason="the embedded model comes with moonshine-voice")
    start_supervisor("")
    for name, text in READ.items():
        samples, rate = soundfile.read(recording(f"{name}.wav"), dtype="int16", frames=240_000)
        soundfile.write(tmp_path / f"{name}.wav", samples, rate)
        (tmp_path / f"{name}.txt").write_text(text)
    told = json.loads(hushd("tune", tmp_path, "--write", "--json"))
    (model,) = told["models"]
    assert (told["language"], model["model"], told["enough"], told["written"]) == (
        "en", "moonshine/tiny-en", False, False,
    )  # fmt: skip
    assert model["sentences"][0]["errors"] == 0, model
    assert model["wer"] < 0.1
    assert model["speed"] > 0
    assert 200 < model["memory_mb"] < 500
    assert not (alone / "config.toml").read_text()
    table = hushd("tune", tmp_path)
    assert "2 sentences are too little to say which model is better: at least 6 are needed." in table
    assert "moonshine/tiny-en" in table
    assert "No installed model hears fi" in hushd("tune", tmp_path, "--language", "fi", status=6)


@pytest.mark.parametrize(("arguments", "status", "sentence"), [
    ([], 2, "The following arguments are required: DIR"),
    (["stt/none/x"], 4, "There is no folder 'stt/none/x'"),
    (["EMPTY"], 4, "has no recordings with their texts"),
    (["EMPTY", "--language", "x!"], 2, "is not a language"),
])  # fmt: skip
def test_what_cannot_be_compared(alone: Path, tmp_path: Path, arguments: list[str], status: int, sentence: str) -> None:
    """One sentence each, before a supervisor is asked; nothing is written."""
    given = [str(tmp_path) if argument == "EMPTY" else argument for argument in arguments]
    assert sentence in hushd("tune", *given, status=status)
    assert not (alone / "client.sock").exists()
