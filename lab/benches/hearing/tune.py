"""`hushd tune DIR` with three models on ten clips: its time beside the models' own, and whether its order is true."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from ..stage import BIN, Row, supervisor

sys.path.append(
    str(Path(__file__).parent.parent.parent.parent / "tests")
)  # the small Whisper checkpoint, and its words

CLIPS, SEEDS, RUNS, POOL = 10, 20, 3, 200
NOISE = 0.6  # of each matrix of the worse copy, in its own standard deviations
# The true order, by each model's wrong words in `POOL` clips: the checkpoint, moonshine, the checkpoint with noise.
GOOD, FAIR, POOR = MODELS = ("faster-whisper/good", "moonshine/tiny-en", "faster-whisper/poor")

_FASTER_WHISPER = """
import sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
for path in sys.argv[2:]:
    segments, info = model.transcribe(path, language="en", beam_size=5, without_timestamps=True)
    print(" ".join(segment.text for segment in segments))
"""
_MOONSHINE = """
import sys
import soundfile
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_assets_path
model = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY, options={"vad_threshold": "0"})
for path in sys.argv[2:]:
    audio, rate = soundfile.read(path, dtype="float32")
    print(" ".join(line.text for line in model.transcribe_without_streaming(audio.tolist(), rate).lines))
"""


def tune(_: Namespace) -> Iterator[Row]:
    """`hushd tune DIR`, three models: time for 10 clips beside the bare engines', order by 20 sets of 10 clips."""
    if missing := [package for package in ("faster_whisper", "jiwer", "moonshine_voice") if not find_spec(package)]:
        yield Row("tune: 10 clips", None, "s", "<= 1.3 x", note=f"not measured: {', '.join(missing)} is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        folder = Path(name)
        models = _models(folder)
        clips = _clips(folder / "pool", random.Random(POOL), POOL)
        with supervisor(HUSHD_MODELS_DIR=str(models), XDG_CACHE_HOME=str(folder / "cache")):
            true = _rates(_tuned(clips))
            yield from _times(models, _clips(folder / "timed", random.Random(0), CLIPS))
            orders, errors = 0, 0
            for seed in range(SEEDS):
                found = _tuned(_clips(folder / str(seed), random.Random(seed), CLIPS))
                rates = _rates(found)
                orders += all(
                    rates[better] < rates[worse] for better, worse in pairwise(sorted(true, key=true.__getitem__))
                )
                errors += any(_is_wrong(model, found["models"][0], true) for model in found["models"])
    note = "true rates " + ", ".join(f"{model} {rate:.3f}" for model, rate in true.items())
    yield Row("tune: sets of 10 clips whose order is true, of 20", orders, "", "20", ok=orders == SEEDS, note=note)
    yield Row("tune: sets with a false claim, of 20", errors, "", "0", ok=errors == 0)


def _times(models: Path, clips: Path) -> Iterator[Row]:
    """Measures, in turn, the command and the three bare engines, which hear all clips in a process each."""
    paths = [str(path) for path in sorted(clips.glob("*.wav"))]
    ours, bare = [], []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        _tuned(clips, "--again")
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        for model in MODELS:
            program = _MOONSHINE if model == FAIR else _FASTER_WHISPER
            subprocess.run(
                [sys.executable, "-c", program, str(models / model), *paths], check=True, capture_output=True
            )
        bare.append(time.perf_counter() - began)
    value, floor = (statistics.median(taken[1:]) for taken in (ours, bare))
    load = f"load {os.getloadavg()[0]:.0f}"
    yield Row(
        "tune: 10 clips", value, "s", "<= 1.3 x", floor, value <= 1.3 * floor, f"floor: each engine alone; {load}"
    )


def _tuned(clips: Path, *options: str) -> dict[str, list[dict[str, object]]]:
    """Returns what `hushd tune DIR` says of a folder."""
    command = [str(BIN / "hushd"), "tune", str(clips), "--language", "en", "--json", *options]
    found: dict[str, list[dict[str, object]]] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return found


def _rates(found: dict[str, list[dict[str, object]]]) -> dict[str, float]:
    return {str(row["model"]): float(str(row["wer"])) for row in found["models"]}


def _is_wrong(row: dict[str, object], best: dict[str, object], true: dict[str, float]) -> bool:
    """Returns whether a model is called worse than another, and not by chance, that is worse in truth."""
    return row["verdict"] == "worse" and true[str(row["model"])] < true[str(best["model"])]


def _clips(folder: Path, random: random.Random, count: int) -> Path:
    """Makes a folder of spoken commands of five and six words, which `random` draws."""
    from support.commands import RATE, WORDS, say

    folder.mkdir()
    for number in range(count):
        words = [random.choice(WORDS) for _ in range(random.randint(5, 6))]
        soundfile.write(folder / f"{number:03d}.wav", say(words, random.uniform(0.8, 1.3)), RATE)
        (folder / f"{number:03d}.txt").write_text(" ".join(words))
    return folder


def _models(folder: Path) -> Path:
    """Makes the models folder: the small checkpoint, and a copy with noise in its weights."""
    from hushd_worker_stt.convert.whisper import convert
    from support.commands import unpack_checkpoint

    models = folder / "models"
    checkpoint = unpack_checkpoint(folder / "good.pt")
    (models / "faster-whisper").mkdir(parents=True)
    convert(checkpoint, models / GOOD, "int8")
    convert(_worse(checkpoint, folder / "poor.pt"), models / POOR, "int8")
    return models


def _worse(checkpoint: Path, path: Path) -> Path:
    draw = np.random.default_rng(1)
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if "/data/" in entry.filename and len(data) > 10_000:  # a matrix of 16 bits, not a bias
                weights = np.frombuffer(data, np.float16).astype(np.float32)
                data = (
                    (weights + draw.standard_normal(len(weights)) * weights.std() * NOISE).astype(np.float16).tobytes()
                )
            target.writestr(entry.filename, data)
    return path
