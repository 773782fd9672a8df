"""`hushd tune`, `listen --model auto` and `hushd models quantize`, as commands with real workers."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import soundfile
from hushd import Client
from hushd_cli.commands.tune.command import _differs, _values
from hushd_cli.commands.tune.search import Measured, Outcome, Trial
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_schema import comparison, engines
from hushd_schema.settings import Settings
from support import quick_tune, warm
from support.commands import RATE, say, unpack_checkpoint
from support.peer import CONFIG, Supervisor, wait_until
from support.recordings import recording
from support.wer import words

BIN = Path(sys.executable).parent
WORKER = "stt/moonshine/tiny-en"
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
    command = quick_tune.command(*arguments[1:]) if arguments[0] == "tune" else [BIN / "hushd", *arguments]
    done = warm.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


def workshops() -> list[psutil.Process]:
    """Processes that live in folders of `hushd tune`."""
    found = []
    for process in psutil.process_iter():
        try:
            if "hushd-tune-" in process.environ().get("HUSHD_RUNTIME_DIR", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_tuning_the_embedded_engine(alone: Path) -> None:
    """The choice is no slower than before, the default was tried, and the configuration keeps its comments and
    gets the memory that was measured. Its supervisor is gone afterwards, and the user's never started."""
    config = alone / "config.toml"
    config.write_text(f'# mine\n[worker."{WORKER}"]\nenvironment = {{ A = "b" }}  # why\n')
    told = json.loads(hushd("tune", "stt/moonshine", "--json"))
    assert told["worker"] == WORKER
    assert told["written"]
    assert told["audio_s"] == pytest.approx(10, abs=1)
    assert {} in [trial["environment"] for trial in told["trials"]]
    before, best = told["before"], told["best"]
    assert best["seconds"] <= 1.02 * before["seconds"]
    text = config.read_text()
    assert text.startswith("# mine\n")
    assert "# why" in text
    own = tomllib.loads(text)["worker"][WORKER]
    assert 200 < own["memory_mb"] < 500
    assert own["environment"] == {"A": "b"} | best["environment"]
    wait_until(lambda: not workshops(), "the end of its supervisor")
    assert not (alone / "client.sock").exists()
    hushd("config", "check")


def test_a_configuration_in_one_line(alone: Path) -> None:
    """It is changed in place; the measurements are shown, and the written lines named."""
    config = alone / "config.toml"
    config.write_text('worker = { "tts/hibari/en" = { memory_mb = 5, pinned = false } } # mine\n')
    told = hushd("tune", "tts")
    assert "the engine's own settings" in told
    (written,) = re.findall(r"wrote .*memory_mb = (\d+) ", told)
    own = tomllib.loads(config.read_text())["worker"]["tts/hibari/en"]
    assert (own["memory_mb"], own["pinned"]) == (int(written), False)
    assert int(written) > 100
    assert config.read_text().endswith("# mine\n")


def test_what_nobody_says_tunes_nothing(alone: Path) -> None:
    """A recording without words is refused before anything is chosen by it."""
    file = alone / "noise.wav"
    soundfile.write(file, np.random.default_rng(6).normal(0, 0.05, 5 * RATE), RATE)
    told = hushd("tune", "--speech", file, status=4)
    assert f"No words were heard in {file}" in told
    assert not (alone / "config.toml").read_text()


@pytest.mark.parametrize(("old", "new"), [(0, 290), (280, 290), (285, 290), (290, None), (300, None), (310, 290)])
def test_never_less_memory_than_was_measured(old: int, new: int | None) -> None:
    """A configured need stays only if it is as much as was measured, or a little more: 281 MB were measured."""
    measured = Measured(1.0, 281.0)
    outcome = Outcome((Trial({}, measured),), Trial({}, measured))
    shop = SimpleNamespace(environment=lambda environment: {})
    values = _values(shop, outcome)  # type: ignore[arg-type]
    assert values["memory_mb"] == 290
    assert _differs({"memory_mb": old} if old else {}, values) == (new is not None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["models"], "'models' is neither a worker nor a folder"),
        ([__file__], "test_tuning_programs.py' is a file: name stt, tts"),
        (["--again"], "--again are for --voice or a folder"),
        ([".", "--limit", "3s"], "--speech and --limit are for settings"),
        ([".", "--audio-device", "1"], "--audio-device is for --voice"),
        ([".", "--forget"], "leave out '.'"),
        (["stt/none/x"], "none"),
        (["stt", "--speech", "/nowhere.wav"], "There is no file"),
        (["stt/faster-whisper/nothing-here"], "nothing-here"),
        (["stt", "--limit", "0.01"], "choose a longer --limit"),
        (["stt", "--limit", "soon"], "--limit must be a length of time"),
        (["stt", "--speech", __file__], "hushd tune: /"),  # the worker's own sentence: nothing is wrong with the engine
    ],
)
def test_what_cannot_be_tuned_is_a_sentence(alone: Path, arguments: list[str], sentence: str) -> None:
    """And nothing is written, and nothing is left running."""
    done = warm.run([BIN / "hushd", "tune", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode in (2, 4, 6), done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (alone / "config.toml").read_text()
    wait_until(lambda: not workshops(), "the end of its supervisor")


def test_a_narrow_terminal(alone: Path) -> None:
    """The line that says how far it is never takes two: drawing over it would leave the first one there.

    With --dry-run the settings are offered, and nothing is written.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    (alone / "config.toml").write_text(CONFIG)
    command = quick_tune.command("tts/echo/a", "--dry-run", "--json")
    with warm.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux's way to say that nobody has the other end any more
            while more := os.read(ours, 4096):
                shown += more
        assert process.stdout
        offered = json.load(process.stdout)
    os.close(ours)
    assert process.returncode == 0
    lines = shown.decode().split("\r\x1b[K")
    assert any("trial 1" in line for line in lines)
    assert max(map(len, lines)) < 40, lines
    assert offered["settings"]["memory_mb"] > 0
    assert not offered["written"]
    assert (alone / "config.toml").read_text() == CONFIG


def test_a_configuration_that_makes_no_sense(alone: Path) -> None:
    """The error names the user's own file, not the copy that `tune` works with."""
    config = alone / "config.toml"
    config.write_text("[worker]\nqueue = true\n")
    assert hushd("tune", "tts", status=2).startswith(f"hushd tune: {config}: worker.queue")


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


# --- accuracy: `hushd tune DIR`, `hushd tune --voice` -----------------------------------------------------------------

READ = {
    "beckett": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "two_cities": "It was the best of times, it was the worst of times.",  # what is read in its first 5 s
}


def test_the_carried_model_hears_a_folder_once(start_supervisor: Start, alone: Path, tmp_path: Path) -> None:
    """Its words are counted, and two sentences are said to be too little, so that nothing is written; a second run
    asks no model, and `--forget` leaves nothing of what was heard."""
    pytest.importorskip("moonshine_voice", reason="the embedded model comes with moonshine-voice")
    start_supervisor("")
    for name, text in READ.items():
        samples, rate = soundfile.read(recording(f"{name}.wav"), dtype="int16", frames=240_000)
        soundfile.write(tmp_path / f"{name}.wav", samples, rate)
        (tmp_path / f"{name}.txt").write_text(text)
    told = json.loads(hushd("tune", tmp_path, "--write", "--json"))
    (model,) = told["models"]
    assert (told["language"], model["model"], told["enough"], told["written"]) == (
        "en",
        "moonshine/tiny-en",
        False,
        False,
    )
    assert model["sentences"][0]["errors"] == 0, model
    assert model["wer"] < 0.1
    assert model["speed"] > 1
    assert 200 < model["memory_mb"] < 500
    assert not (alone / "config.toml").read_text()
    heard = alone / "state" / "tune" / "heard.json"
    before = heard.stat()
    assert before.st_mode & 0o777 == 0o600
    table = hushd("tune", tmp_path)
    assert "2 sentences are too little to say which model is better: at least 6 are needed." in table
    assert heard.stat().st_mtime_ns == before.st_mtime_ns
    compared = comparison.read(alone / "state")
    assert compared is not None
    assert compared.about in table
    assert [model.model for model in compared.models] == ["moonshine/tiny-en"]
    assert "No installed model hears fi" in hushd("tune", tmp_path, "--language", "fi", status=6)
    hushd("tune", "--forget")
    assert not heard.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["EMPTY"], 4, "has no recordings with their texts"),
        (["--voice", "--language", "en"], 2, "takes a terminal"),
        (["--voice", "--language", "x!"], 2, "is not a language"),
    ],
)
def test_what_cannot_be_compared(alone: Path, tmp_path: Path, arguments: list[str], status: int, sentence: str) -> None:
    """One sentence each, before anybody reads aloud or a supervisor is asked."""
    given = [str(tmp_path) if argument == "EMPTY" else argument for argument in arguments]
    assert sentence in hushd("tune", *given, status=status)
