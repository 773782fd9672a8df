"""A small model for each of the core's engines that is installed here, made in a moment, and an author's test of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import soundfile
from support import python_path
from support.recordings import recording

STAND_INS = Path(__file__).parent / "stand_ins"
# A few cases, for engines that load in a moment.
FEW = "description or missing or declares or confined or nan or emoji or same_words"
# An author's test, as docs/PLUGINS.md has it.
CONTRACT = """
import pytest
from hushd_worker_ROLE.conformance import CASES, Trial

@pytest.fixture(scope="module")
def trial():
    return Trial(*ARGUMENTS)

@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case, trial):
    CASES[case](trial)
"""
CHATTERBOX = ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json", "conds.pt")
# A program that hears: it says how long the sound was. And one that speaks: a tenth of a second a word.
HEAR = """
import sys, wave
with wave.open(sys.argv[1]) as file:
    print(f"That was {file.getnframes() / file.getframerate():.1f} s.")
"""
SPEAK = """
import struct, sys, wave
with wave.open(sys.stdout.buffer, "wb") as file:
    words = len(sys.stdin.read().split())
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(16000); file.setnframes(1600 * words)
    file.writeframes(b"".join(struct.pack("<h", 8000 if n % 80 < 40 else -8000) for n in range(1600 * words)))
"""


@dataclass(frozen=True)
class Small:
    """An engine with a small model, speech that it hears, and what the environment has besides."""

    engine: str
    role: str
    model: str = "default"
    sound: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        return [self.engine, self.model, *([str(self.sound)] if self.sound else [])]


def make(name: str, folder: Path) -> Small | None:
    """Makes the models folder and configuration of an engine, `ROLE/ENGINE` or, where its models differ,
    `ROLE/ENGINE/MODEL`, below `folder`; None: it is not here."""
    maker, packages = _MAKERS[name]
    return None if any(find_spec(package) is None for package in packages) else make_by(maker, folder)


def make_by(maker: Callable[[Path], Small], folder: Path) -> Small:
    """Does the same by a function, such as a plugin's."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").touch()
    small = maker(folder)
    places = {
        "HUSHD_MODELS_DIR": folder / "models", "HUSHD_CONFIG": folder / "config.toml",
        "HUSHD_STATE_DIR": folder / "state", "HUSHD_RUNTIME_DIR": folder / "run", "XDG_CACHE_HOME": folder / "cache",
    }  # fmt: skip
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    environment = {variable: str(place) for variable, place in places.items()} | {"HF_HUB_OFFLINE": "1"}
    return Small(small.engine, small.role, small.model, small.sound, {**environment, **small.environment})


def play(small: Small, *options: str) -> None:
    """Asserts that an engine keeps the contract."""
    folder = Path(small.environment["HUSHD_CONFIG"]).parent
    done = subprocess.run(
        contract(folder, small.role, *small.arguments, options=options), env={**os.environ, **small.environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def contract(folder: Path, role: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
    """Writes a test of an engine into `folder`, and returns the command that runs it in a process of its own."""
    file = folder / "test_contract.py"
    file.write_text(CONTRACT.replace("ROLE", role).replace("ARGUMENTS", repr(arguments)))
    return [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(file), *options]


def spoken(folder: Path) -> Path:
    from support.commands import RATE, say

    path = folder / "said.wav"
    soundfile.write(path, say(["one", "open", "seven", "red", "stop"]), RATE, subtype="PCM_16")
    return path


def _whisper(folder: Path) -> Small:
    from support.commands import unpack_checkpoint

    unpack_checkpoint(folder / "models" / "whisper" / "commands.pt")
    return Small("whisper", "stt", "commands", spoken(folder))


def _faster_whisper(folder: Path) -> Small:
    from support.commands import unpack_checkpoint
    from support.whisper_models import convert

    (folder / "models" / "faster-whisper").mkdir()
    convert(unpack_checkpoint(folder / "commands.pt"), folder / "models" / "faster-whisper" / "commands", "int8")
    return Small("faster-whisper", "stt", "commands", spoken(folder))


def _onnx_asr(folder: Path) -> Small:
    from support import tone_models

    tone_models.tdt(folder / "models" / "onnx-asr" / "tones")
    path = folder / "whistled.wav"
    whistle = tone_models.whistle("▁ever", "▁tried", "▁ever", "▁fail", "ed", ".")
    soundfile.write(path, whistle, tone_models.RATE, subtype="PCM_16")
    return Small("onnx-asr", "stt", "tones", path)


def _kokoro(folder: Path) -> Small:
    from hushd_schema import engines
    from support import tiny_voices

    voices = [name for row in engines.get("kokoro").voices for name in row["names"].split()]
    tiny_voices.kokoro(folder / "models" / "kokoro", *voices)
    return Small("kokoro", "tts")


def _chatterbox(folder: Path) -> Small:
    place = folder / "models" / "chatterbox" / "english"
    place.mkdir(parents=True)
    for file in CHATTERBOX:
        (place / file).write_bytes(b"weights")
    return Small("chatterbox", "tts", environment={"PYTHONPATH": python_path.first(STAND_INS)})


def _program(role: str, kind: str, run: list[str]) -> Callable[[Path], Small]:
    def maker(folder: Path) -> Small:
        (folder / kind).mkdir()
        keys = {"run": run, "languages": ["en"]} if role == "stt" else {"run": run, "language": "en"}
        lines = (f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        (folder / kind / "mine.toml").write_text("".join(lines))
        return Small("command", role, "mine")

    return maker


# The engines, in the order of the processor's time that their suite takes, the least first.
_MAKERS: dict[str, tuple[Callable[[Path], Small], tuple[str, ...]]] = {
    "tts/command": (_program("tts", "voices", [sys.executable, "-c", SPEAK]), ()),
    "tts/espeak-ng": (lambda folder: Small("espeak-ng", "tts"), ("espeakng_loader",)),
    "tts/chatterbox": (_chatterbox, ()),
    "tts/kokoro": (_kokoro, ("kokoro_onnx", "onnx")),
    "tts/hibari": (lambda folder: Small("hibari", "tts"), ("hibari",)),
    "stt/command": (_program("stt", "commands", [sys.executable, "-c", HEAR, "{wav}"]), ()),
    "stt/onnx-asr": (_onnx_asr, ("onnx_asr", "onnx")),
    "stt/faster-whisper": (_faster_whisper, ("faster_whisper", "ctranslate2", "whisper")),
    "stt/whisper": (_whisper, ("whisper", "torch")),
    "stt/moonshine": (lambda folder: Small("moonshine", "stt", sound=recording()), ("moonshine_voice",)),
}
ENGINES = tuple(_MAKERS)
