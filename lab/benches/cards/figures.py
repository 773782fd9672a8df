"""Times and memory of workers on a card: cold, warm, gone; beside one process that unloads its model."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

import numpy as np
import soundfile
from full_size.whisper import SENTENCE
from hushd import Client
from support.commands import RATE, say, utterances

from ..stage import Row, wait_until_childless
from .stage import MIB, Stage, helper, unload

# Unloads as its documentation says, and stays.
_UNLOADED = """
import gc, sys, torch, whisper
model = whisper.load_model(sys.argv[1], sys.argv[2])
del model
gc.collect()
torch.cuda.empty_cache()
print("ready", flush=True)
sys.stdin.read()
"""
LARGE, FASTER = "whisper/large", "faster-whisper/large"


def look(stage: Stage) -> Iterator[Row]:
    """A look at the cards, in its process."""
    took = []
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-P", "-m", "hushd_worker.card"], capture_output=True, check=True)
        took.append(time.monotonic() - began)
    seen = len(json.loads(done.stdout)["cards"])
    yield Row("a look at the cards", statistics.median(took), "s", "<= 1", None, seen > 0, f"cards seen: {seen}")


def given_back(stage: Stage) -> Iterator[Row]:
    """A small trained model's texts; the card's memory after an idle exit, `hushd unload` and `kill -9`."""
    before, left = stage.used(), {}
    for engine in ("whisper", "faster-whisper"):
        yield _texts(stage, engine)
    name = f"stt/{stage.model('whisper/commands')}"
    for end, settings in (("idle exit", {"keep_alive": 0.5}), ("unload", {}), ("kill -9", {})):
        with stage.supervisor(**settings) as (process, client):
            client.preload(name)
            taken = (stage.used() - before) / MIB
            if end == "unload":
                unload(client, process)
            elif end == "kill -9":
                (worker,) = [row.pid for row in client.status().workers if row.pid]
                os.kill(worker or 0, signal.SIGKILL)
            wait_until_childless(process)
            time.sleep(1)
            left[end] = max(0.0, (stage.used() - before) / MIB)
    for end, size in left.items():
        yield Row(f"left on the card 1 s after: {end}", size, "MiB", "0", taken, size == 0, "while it ran")


def large(stage: Stage) -> Iterator[Row]:
    """whisper in large-v3's size: cold, warm, sixteen at once, and killed at work."""
    model, before, file = stage.model(LARGE), stage.used(), said(stage, 14)
    with stage.supervisor() as (_, client):
        with _most(stage) as peak:
            cold = _text(client, file, model)
        yield Row("whisper, cold: request to text", cold, "s", "<= 8", None, cold <= 8)
        time.sleep(0.6)  # it measures itself at rest
        (row,) = [row for row in client.status().workers if row.pid]
        card, most = (stage.used() - before) / 1e6, (peak[0] - before) / 1e6
        yield Row("whisper, warm: of the card", card, "MB", "<= 4500", None, card <= 4500, f"at most {most:.0f}")
        yield Row("whisper, warm: of the machine", row.private_mb or 0, "MB", note=f"at most {row.peak_mb or 0:.0f}")
        warm = statistics.median(_text(client, file, model) for _ in range(5))
        yield Row("whisper, warm: 14 s of sound", warm, "s")
        with _most(stage) as peak, ThreadPoolExecutor(16) as threads:
            list(threads.map(_alone, [file] * 16, [model] * 16))
        most = (peak[0] - before) / 1e6
        yield Row("16 requests at once: of the card, at most", most, "MB", "<= 6500", None, most <= 6500)
        (pid,) = [row.pid for row in client.status().workers if row.pid]
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(_alone, file, model)
            time.sleep(0.1)
            os.kill(pid or 0, signal.SIGKILL)
            yield Row("killed at work: request to text, by another process", answer.result(), "s")


def faster(stage: Stage) -> Iterator[Row]:
    """faster-whisper in large-v3's size: cold, warm, and its memory."""
    model, before, file = stage.model(FASTER), stage.used(), said(stage, 14)
    with stage.supervisor() as (process, client):
        _text(client, file, model)  # fills the caches
        unload(client, process)
        cold = _text(client, file, model)
        yield Row("faster-whisper, cold: request to text", cold, "s")
        yield Row("faster-whisper, warm: of the card", (stage.used() - before) / 1e6, "MB")
        yield Row("faster-whisper, warm: 14 s of sound", _text(client, file, model), "s")


def one_process(stage: Stage) -> Iterator[Row]:
    """The memory that stays when torch itself unloads the same model, as in a lasting server."""
    model, before = stage.folder / f"{stage.model(LARGE)}.pt", stage.used()
    with helper(_UNLOADED, str(model), stage.device) as process:
        memory = process.memory_info()
        yield Row("unloaded in one process: of the card", (stage.used() - before) / MIB, "MiB")
        yield Row("unloaded in one process: of the machine", (memory.rss - memory.shared) / 1e6, "MB")


def said(stage: Stage, seconds: int = 5) -> Path:
    """Returns a recording of so many seconds, in hibari's voice."""
    path = stage.folder / f"{seconds}-seconds.wav"
    if not path.exists():
        sound = say(SENTENCE.split())
        soundfile.write(path, np.tile(sound, -(-seconds * RATE // len(sound)))[: seconds * RATE], RATE)
    return path


def _text(client: Client, file: Path, model: str) -> float:
    """Returns the seconds of a request, whose text must be the one that all random weights say."""
    began = time.monotonic()
    text = client.transcribe(file, language="en", model=model).text
    took = time.monotonic() - began
    assert SENTENCE.strip() in text, f"{model} said {text[:80]!r}"
    return took


def _alone(file: Path, model: str) -> float:
    with Client() as client:
        return _text(client, file, model)


def _texts(stage: Stage, engine: str) -> Row:
    model, wrong = stage.model(f"{engine}/commands"), 0
    with stage.supervisor() as (_, client):
        for number, (text, sound) in enumerate(utterances(6)):
            file = stage.folder / f"command{number}.wav"
            soundfile.write(file, sound, RATE)
            heard = client.transcribe(file, language="en", model=model, speech_pad_s=0.4).text.lower()
            wrong += sum(a != b for a, b in zip_longest(text.split(), re.findall("[a-z]+", heard)))
    return Row(f"{engine}, six utterances: wrong words", wrong, "", "<= 2", None, wrong <= 2)


@contextmanager
def _most(stage: Stage) -> Iterator[list[int]]:
    """Yields a list whose only entry is the most that was used of the card meanwhile."""
    most, done = [stage.used()], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], stage.used())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield most
    finally:
        done.set()
        watching.join()
