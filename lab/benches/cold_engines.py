"""A cold command with each engine that is installed, against a program that is its package's documented minimal use."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import soundfile
from hushd import Client

from .stage import BIN, SENTENCE, Row, recording, supervisor, timed, wait_until_childless

sys.path.append(str(Path(__file__).parent.parent.parent / "tests"))  # the tests' small models

RUNS = 5

# Each gets a model's path and an audio file, or text and a WAV file to write, as in its package's README.
_MOONSHINE = """
import soundfile
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_assets_path
audio, rate = soundfile.read(sys.argv[2], dtype="float32")
stt = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY, options={"vad_threshold": "0"})
print(" ".join(line.text for line in stt.transcribe_without_streaming(audio.tolist(), rate).lines), flush=True)
"""
_FASTER_WHISPER = """
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
segments, info = model.transcribe(sys.argv[2], beam_size=5, without_timestamps=True)
for segment in segments:
    print(segment.text, flush=True)
"""
_WHISPER = """
import whisper
model = whisper.load_model(sys.argv[1])
print(model.transcribe(sys.argv[2], fp16=False, without_timestamps=True)["text"], flush=True)
"""
_ONNX_ASR = """
import onnx_asr
model = onnx_asr.load_model("nemo-conformer-ctc", sys.argv[1])
print(model.recognize(sys.argv[2]), flush=True)
"""
_HIBARI = """
from hibari import Hibari
Hibari().save(sys.argv[2], sys.argv[3])
"""
_PIPER = """
import wave
from piper import PiperVoice
voice = PiperVoice.load(sys.argv[1])
with wave.open(sys.argv[3], "wb") as out:
    voice.synthesize_wav(sys.argv[2], out)
"""
_KOKORO = """
import soundfile
from kokoro_onnx import Kokoro
kokoro = Kokoro(sys.argv[1] + "/kokoro-v1.0.onnx", sys.argv[1] + "/voices-v1.0.bin")
samples, rate = kokoro.create(sys.argv[2], voice="af_heart", speed=1.0, lang="en-us")
soundfile.write(sys.argv[3], samples, rate)
"""


@dataclass(frozen=True)
class Case:
    """A measured engine.

    Attributes:
        needs: the packages that must be installed.
        bare: the program to compare with, which gets `make`'s path and the arguments of hushd's command.
        make: puts a model into hushd's models folder, and returns its path.
        ask: hushd's options for it.
    """

    needs: tuple[str, ...]
    bare: str
    make: Callable[[Path], Path]
    ask: tuple[str, ...]
    speaks: bool = False


def _none(models: Path) -> Path:
    return models


def _checkpoint(models: Path) -> Path:
    from support.commands import unpack_checkpoint

    return unpack_checkpoint(models / "whisper" / "commands.pt")


def _converted(models: Path) -> Path:
    from hushd_worker_stt.convert.whisper import convert

    folder = models / "faster-whisper" / "commands"
    convert(_checkpoint(models), folder, "int8")
    return folder


def _tones(models: Path) -> Path:
    from support import tone_models

    return tone_models.ctc(models / "onnx-asr" / "tones", config={"model_type": "nemo-conformer-ctc"})


def _piper(models: Path) -> Path:
    from support import tiny_voices

    return tiny_voices.piper(models / "piper", "mine")


def _kokoro(models: Path) -> Path:
    from support import tiny_voices

    return tiny_voices.kokoro(models / "kokoro", "af_heart").parent


CASES = {
    "moonshine": Case(("moonshine_voice",), _MOONSHINE, _none, ("--engine", "moonshine")),
    "faster-whisper": Case(
        ("faster_whisper",), _FASTER_WHISPER, _converted, ("--engine", "faster-whisper", "--model", "commands")
    ),
    "whisper": Case(("torch", "whisper"), _WHISPER, _checkpoint, ("--engine", "whisper", "--model", "commands")),
    "onnx-asr": Case(("onnx_asr", "onnx"), _ONNX_ASR, _tones, ("--engine", "onnx-asr", "--model", "tones")),
    "hibari": Case(("hibari",), _HIBARI, _none, (), speaks=True),
    "piper": Case(("piper", "onnx"), _PIPER, _piper, ("-v", "mine"), speaks=True),
    "kokoro": Case(("kokoro_onnx", "onnx"), _KOKORO, _kokoro, ("-v", "af_heart"), speaks=True),
}


def cold_engines(chosen: str) -> Iterator[Row]:
    """A row for the engine `chosen`, or for each that is installed."""
    if chosen not in (*CASES, "all"):
        raise SystemExit(f"scripts/bench: --engine is one of all, {', '.join(CASES)}")
    for name, case in CASES.items():
        if chosen in ("all", name):
            missing = [package for package in case.needs if not find_spec(package)]
            note = f"not measured: {', '.join(missing)} is not installed"
            yield Row(f"cold {name}", None, "s", note=note) if missing else _measured(name, case)


def _measured(name: str, case: Case) -> Row:
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        model = case.make(Path(folder) / "models")
        recorded, out = str(clip(name, Path(folder))), str(Path(folder) / "out.wav")
        arguments = (SENTENCE, out) if case.speaks else (recorded,)
        # Ends without native destructors, like hushd's workers, since users do not wait for these.
        program = f"import os, sys\n{case.bare}\nos._exit(0)\n"
        bare = [sys.executable, "-c", program, str(model), *arguments]
        ours = ["say", *case.ask, "-o", out, SENTENCE] if case.speaks else ["listen", *case.ask, recorded]
        ours[0] = str(BIN / ours[0])
        times: tuple[list[float], list[float]] = ([], [])
        with (
            supervisor("[worker]\nkeep_alive = -1\n", HUSHD_MODELS_DIR=f"{folder}/models") as process,
            Client() as client,
        ):
            for _ in range(RUNS + 1):
                times[0].append(timed(ours))
                client.unload()
                wait_until_childless(process)
                times[1].append(timed(bare, stderr=subprocess.DEVNULL))
    value, floor = (statistics.median(taken[1:]) for taken in times)
    best = min(times[0][1:]) / min(times[1][1:])
    return Row(f"cold {name}", value, "s", "<= 1.15 x", floor, value <= 1.15 * floor, f"{best:.2f} x at the best")


def clip(engine: str, folder: Path) -> Path:
    """A recording that the model understands."""
    if engine == "onnx-asr":
        from support.tone_models import whistle

        soundfile.write(folder / "clip.wav", whistle("▁ever", "▁tried", "▁ever", "▁fail", "ed"), 16_000)
        return folder / "clip.wav"
    if engine in ("whisper", "faster-whisper"):
        from support.commands import say

        soundfile.write(folder / "clip.wav", say(["open", "red", "left", "four"]), 16_000)
        return folder / "clip.wav"
    return recording("beckett.wav")
