"""int8 beside float32, in one run: size on disk, words, memory and time of real workers; and `hushd tune`."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import jiwer
import numpy as np
import psutil
import soundfile
from hushd import Client
from hushd_models import inventory
from hushd_models.store import Store
from hushd_protocol.system import paths
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import BIN, Row, recording, supervisor

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # the checkpoint and its words are the tests' too

from support.commands import RATE, unpack_checkpoint, utterances

COUNT = 40
KILLS = 50
QUIET_S = 0.6  # around each utterance
PAD_S = 0.4  # of it that the tests' checkpoint wants
ENGINES = {"faster-whisper": "ctranslate2", "whisper": "torch"}
Spoken = Sequence[tuple[str, bytes]]  # texts, and sound files


def int8(options: Namespace) -> Iterator[Row]:
    """int8 against float32 on the tests' checkpoint, or on --model NAME of openai-whisper's with --audio DIR."""
    missing = [package for package in ("ctranslate2", "faster_whisper", "whisper", "torch") if not find_spec(package)]
    if missing:
        yield Row("int8", None, "", note=f"not measured: {', '.join(missing)} is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        models = Path(folder)
        (models / "whisper").mkdir()
        checkpoint = models / "whisper" / "full.pt"
        if options.model:
            shutil.copy(_installed(options.model), checkpoint)
            spoken = _clips(options.audio)
        else:
            unpack_checkpoint(checkpoint)
            spoken = [(text, _file(audio)) for text, audio in utterances(COUNT)]
        shutil.copy(checkpoint, models / "whisper" / "bytes.pt")
        yield from _compare(models, spoken, PAD_S if not options.model else None)
        if not options.model:
            yield from _killed(models)
    yield from _tuned()


def _installed(model: str) -> Path:
    """The checkpoint on this machine."""
    found = inventory.row(Store(paths.find()), f"whisper/{model}")
    if not found.path or not found.usable:
        raise SystemExit(f"scripts/bench: whisper/{model} is not on this machine: hushd models pull whisper/{model}")
    return found.path


def _clips(folder: Path | None) -> Spoken:
    clips = sorted(folder.glob("*-en-*.ogg")) if folder else []
    if not clips:
        raise SystemExit("scripts/bench: --model wants --audio DIR with NAME-en-*.ogg and their texts")
    return [(clip.with_suffix(".txt").read_text(), clip.read_bytes()) for clip in clips]


def _file(samples: np.ndarray) -> bytes:
    quiet = np.zeros(round(QUIET_S * RATE), np.float32)
    file = BytesIO()
    soundfile.write(file, np.concatenate([quiet, samples, quiet]), RATE, format="WAV")
    return file.getvalue()


def _compare(models: Path, spoken: Spoken, pad: float | None) -> Iterator[Row]:
    plain = 'environment = { HUSHD_COMPUTE_TYPE = "float32" }'
    small = 'environment = { HUSHD_COMPUTE_TYPE = "int8" }'
    config = (
        f'[worker."stt/faster-whisper/full-float32"]\n{plain}\n[worker."stt/whisper/full"]\n{plain}\n'
        f'[worker."stt/whisper/bytes"]\n{small}\n'
    )
    normalise = EnglishTextNormalizer()
    texts = [normalise(text) for text, _ in spoken]
    seconds = sum(soundfile.info(BytesIO(file)).duration for _, file in spoken)
    with supervisor(config, HUSHD_MODELS_DIR=str(models)) as process, Client() as client:
        began = time.perf_counter()
        client.quantize("whisper/full", "int8")
        took = time.perf_counter() - began
        worker = max(child.memory_info().rss for child in process.children())
        yield Row("int8: making it of a checkpoint", took, "s", note="with the start of the models worker")
        yield Row("int8: the models worker afterwards", worker / 1e6, "MB", note="the converter has ended")
        began = time.perf_counter()
        client.quantize("whisper/full", "int8")
        yield Row("int8: asking for it once more", time.perf_counter() - began, "s")
        client.quantize("whisper/full", "float32")
        client.unload()
        sizes = [
            (models / "faster-whisper" / name / "model.bin").stat().st_size / 1e6 for name in ("full", "full-float32")
        ]
        ratio = sizes[0] / sizes[1]
        yield Row("int8: weights on disk", sizes[0], "MB", "<= 0.3 x", sizes[1], ratio <= 0.3, "floor: float32")
        for engine, package in ENGINES.items():
            pair = ("full-float32", "full") if engine == "faster-whisper" else ("full", "bytes")
            rows = [_work(client, process, engine, model, spoken, texts, normalise, pad) for model in pair]
            (rate, used, peak, time_s), (rate8, used8, peak8, time8) = rows
            worse = 100 * (rate8 - rate)
            note = f"{rate8:.3f} against {rate:.3f} on {len(spoken)} utterances, {seconds:.0f} s"
            yield Row(f"int8: {package}, wrong words more of 100", worse, "", "< 2", ok=worse < 2, note=note)
            yield Row(f"int8: {package}, memory at rest", used8, "MB PSS", floor=used, note="floor: float32")
            yield Row(f"int8: {package}, memory at its peak", peak8, "MB RSS", floor=peak)
            yield Row(f"int8: {package}, time for all", time8, "s", floor=time_s)


def _work(
    client: Client,
    process: psutil.Process,
    engine: str,
    model: str,
    spoken: Spoken,
    texts: Sequence[str],
    normalise: EnglishTextNormalizer,
    pad: float | None,
) -> tuple[float, float, float, float]:
    """Word error rate, PSS at rest, peak RSS in MB, and seconds for all of `spoken`."""
    ask = {"engine": engine, "model": model, "language": "en", "speech_pad_s": pad}
    client.preload(f"stt/{engine}/{model}")
    client.transcribe(spoken[0][1], **ask)
    began = time.perf_counter()
    heard = [normalise(client.transcribe(file, **ask).text) for _, file in spoken]
    took = time.perf_counter() - began
    time.sleep(0.5)  # an idle worker reports its size
    (row,) = [row for row in client.status().workers if row.model == model and row.engine == engine]
    client.unload()
    return jiwer.wer(list(texts), heard), row.pss_mb, row.peak_rss_mb, took


_DRIVER = """
from hushd_protocol.system import paths
from hushd_models.store import Store
from hushd_worker_models.quantize import Quantize
from hushd_worker_models.single_flight import SharedTask
print(Quantize("whisper/full", "int8", "", Store(paths.find()), SharedTask(lambda under: {})).run().model)
"""


def _killed(models: Path) -> Iterator[Row]:
    """Conversions killed at random moments, with all that they have started, and the next try."""
    environment = os.environ | {"HUSHD_MODELS_DIR": str(models)}
    command = [sys.executable, "-c", _DRIVER]
    shutil.rmtree(models / "faster-whisper")
    length = _length(command, environment)
    moments, good, halves, late = random.Random(6), 0, 0, 0
    for _ in range(KILLS):
        shutil.rmtree(models / "faster-whisper", ignore_errors=True)
        process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL)
        try:
            process.wait(moments.uniform(0, length))
            late += 1
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        made = models / "faster-whisper" / "full"
        if made.exists() and not all(
            (made / name).is_file() for name in ("model.bin", "config.json", "tokenizer.json")
        ):
            halves += 1
        done = made.exists()
        took = _length(command, environment)
        if not done:
            length = min(length, took)  # or a busy beginning would have most kills come too late
        good += 1
    note = f"{late} came too late"
    yield Row("int8: killed, the next try succeeds", good, f"/ {KILLS}", str(KILLS), ok=good == KILLS, note=note)
    yield Row("int8: killed, something half-made is there", halves, "", "0", ok=not halves)


def _length(command: list[str], environment: dict[str, str]) -> float:
    """Seconds that it takes, which must succeed."""
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _tuned() -> Iterator[Row]:
    """`hushd tune` on the embedded engine, in empty folders."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        environment = os.environ | {
            "HUSHD_CONFIG": f"{folder}/config.toml",
            "HUSHD_RUNTIME_DIR": f"{folder}/run",
            "HUSHD_STATE_DIR": f"{folder}/state",
        }
        command = [str(BIN / "hushd"), "tune", "stt", "--speech", str(recording("beckett.wav")), "--json"]
        began = time.perf_counter()
        told = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
        took = time.perf_counter() - began
    before, best = told["before"], told["best"]
    note = " ".join(f"{k}={v}" for k, v in best["environment"].items()) or "nothing is better than the engine's own"
    yield Row(
        "tune: beckett.wav with what it chose",
        best["seconds"],
        "s",
        "<= 1 x",
        before["seconds"],
        best["seconds"] <= 1.02 * before["seconds"],
        f"{note}; floor: before",
    )
    tried = [trial["seconds"] for trial in told["trials"] if trial["seconds"]]
    yield Row("tune: what it tried, at the median", statistics.median(tried), "s", note=f"{len(tried)} settings")
    yield Row("tune: memory it tells the supervisor", told["settings"].get("memory_mb"), "MB")
    yield Row("tune: how long it took", took, "s", "<= 120", ok=took <= 120)
