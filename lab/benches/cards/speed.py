"""Speed on the card: the first text of a cold model, an hour in batches, and live sessions beside a batch job."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
from hushd import Client
from hushd_protocol import messages as m
from hushd_worker.job import Job
from hushd_worker_stt.batching.batch_size import BatchSize
from hushd_worker_stt.worker import SpeechToText

from ..stage import Row, recording
from .stage import NotDone, Stage, helper, unload

RATE = 16_000
CHUNK = RATE // 10
COLD = 3  # runs of each
SESSIONS = 64
SPOKEN_S = 6.0  # of each session
MODEL = {"engine": "faster-whisper", "model": "large"}

# The package's own minimal use, with the options that hushd gives it.
_BARE = """
import sys
from faster_whisper import WhisperModel
device = sys.argv[3]
model = WhisperModel(sys.argv[1], device=device, compute_type="default" if device == "cuda" else "int8")
segments, _ = model.transcribe(sys.argv[2], language="en", beam_size=5, without_timestamps=True)
next(iter(segments))
print("ready", flush=True)
sys.stdin.read()
"""


def cold(stage: Stage) -> Iterator[Row]:
    """Measures the first text without a running worker, beside the package in a fresh process, with warm caches."""
    _on_real(stage)
    file, model = speech(stage, 0), stage.folder / "faster-whisper" / "large"
    ours: list[float] = []
    bare: list[float] = []
    with stage.supervisor() as (process, client):
        for _ in range(COLD + 1):
            began = time.perf_counter()
            with helper(_BARE, str(model), str(file), stage.device):
                bare.append(time.perf_counter() - began)
            began = time.perf_counter()
            stream = client.transcribe_stream(file, language="en", **MODEL)
            next(iter(stream))
            ours.append(time.perf_counter() - began)
            stream.close()
            unload(client, process)
    value, floor = statistics.median(ours[1:]), statistics.median(bare[1:])  # the first run of each fills the caches
    yield Row(f"cold, first text, {stage.sizes[0]}'s size", value, "s", "<= 1.05 bare", floor, value <= 1.05 * floor)
    if stage.device == "cuda":
        yield Row("the same, for an H100-class card", value, "s", "<= 1.3", None, value <= 1.3)


def hour(stage: Stage) -> Iterator[Row]:
    """Transcribes an hour of speech on the card, in batches and one piece at a time."""
    _on_real(stage)
    if stage.device != "cuda":
        raise NotDone("there is no graphics card")
    yield _batched(stage, "large", 60, ">= 4", 4.0)


def on_the_cpu(stage: Stage) -> Iterator[Row]:
    """Transcribes five minutes of speech on the CPU, in batches if these pay, and one piece at a time."""
    yield _batched(replace(stage, device="cpu"), "small", 5, "never slower", 0.97)


def _batched(stage: Stage, model: str, minutes: int, goal: str, least: float) -> Row:
    file = speech(stage, minutes)
    alone, texts = _transcribe(stage, model, file, BatchSize(1))
    together, same = _transcribe(stage, model, file, None)
    gain, words = alone / together, "the same" if texts == same else "ANOTHER"
    note = f"{minutes * 60 / together:.0f} x real time; {words} text, word for word"
    ok = gain >= least and texts == same
    return Row(f"{minutes} min on {stage.device}, batches to one by one", gain, "x", goal, None, ok, note)


def _transcribe(stage: Stage, model: str, file: Path, size: BatchSize | None) -> tuple[float, list[str]]:
    """Returns the seconds that a worker in this process takes, and its segments' texts."""
    here = {"HUSHD_MODELS_DIR": str(stage.folder), "HUSHD_COMPUTE_DEVICE": stage.device}
    before = dict(os.environ)
    os.environ |= here
    try:
        worker = SpeechToText("faster-whisper", model)
        worker.load(lambda note: None)
    finally:
        os.environ.clear()
        os.environ.update(before)
    if size:
        worker._recogniser._reader.size = size
    texts: list[str] = []
    info = file.stat()
    message = m.Job(
        id=bytes(16), op="transcribe", params={"language": "en"}, input="path", path=str(file),
        device=info.st_dev, inode=info.st_ino, size=info.st_size,
    )  # fmt: skip
    began = time.perf_counter()
    worker.run(Job(message, lambda sent: texts.append(sent.data["text"]) if isinstance(sent, m.Partial) else None))
    return time.perf_counter() - began, texts


def live(stage: Stage) -> Iterator[Row]:
    """Runs 64 real-time sessions while the same worker transcribes a long recording."""
    _on_real(stage)
    count = SESSIONS if stage.device == "cuda" else 2
    sound, file = _sound()[: int(SPOKEN_S * RATE)], speech(stage, 60 if stage.device == "cuda" else 2)
    waits: list[float] = []
    with stage.supervisor() as (_, client):
        client.preload("stt/faster-whisper/large")
        job = client.transcribe_stream(file, language="en", **MODEL)
        reader = threading.Thread(target=lambda: [None for _ in job], daemon=True)
        reader.start()
        sessions = [threading.Thread(target=_session, args=(client, sound, waits)) for _ in range(count)]
        for number, session in enumerate(sessions):
            time.sleep(0.5 / count * (number % 8))
            session.start()
        for session in sessions:
            session.join(120)
        beside = reader.is_alive()
        job.close()
    if len(waits) < count:
        raise NotDone(f"only {len(waits)} of {count} sessions had a text")
    value = sorted(waits)[int(0.95 * (len(waits) - 1))] * 1000
    note = "" if beside else "the recording was through before them"
    yield Row(f"{count} live sessions beside it: first text, p95", value, "ms", "<= 400", None, value <= 400, note)


def speech(stage: Stage, minutes: int) -> Path:
    """Returns a person's recording, repeated; five seconds for 0 minutes."""
    path = stage.folder / f"{minutes}-minutes.wav"
    if not path.exists():
        sound = _sound()
        length = minutes * 60 * RATE or 5 * RATE
        whole = np.tile(sound, -(-length // len(sound)))[:length]
        soundfile.write(path, whole, RATE)
    return path


def _sound() -> np.ndarray:
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    return np.asarray(soxr.resample(samples, rate, RATE), np.float32)


def _on_real(stage: Stage) -> None:
    if stage.stand_in:
        raise NotDone("a card that is a file computes nothing")


def _session(client: Client, sound: np.ndarray, waits: list[float]) -> None:
    """Runs a live session; records the time from its speech to the first text."""
    began = time.monotonic()
    first: list[float] = []

    def chunks() -> Iterator[bytes]:
        data = (sound * 32767).astype("<i2")
        for start in range(0, len(data) - CHUNK + 1, CHUNK):
            time.sleep(max(0.0, began + (start + CHUNK) / RATE - time.monotonic()))
            yield data[start : start + CHUNK].tobytes()

    def note(*_: str) -> None:
        first.append(time.monotonic() - began)

    for _ in client.listen(chunks(), language="en", on_partial=note, **MODEL):
        note()
    if first:
        waits.append(first[0] - _speech_begins(sound))


def _speech_begins(sound: np.ndarray) -> float:
    """Returns the second at which the speech begins."""
    return float(np.argmax(np.abs(sound) > 0.1 * np.abs(sound).max()) / RATE)
