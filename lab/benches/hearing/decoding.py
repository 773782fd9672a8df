"""Recordings decoded beside a worker on a card, or by itself: the stand-in for the card waits, and takes no CPU."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import soundfile
import soxr
from hushd import Client

from ..stage import Row, recording, supervisor

PROGRAM = Path(__file__).parents[3] / "tests" / "support" / "sleeping_card.py"
MINUTES = 2  # of speech in a recording
COUNT = 8
AT_ONCE = 8  # a worker's slots on a card
FORMS = {"MP3 of two channels": ("MP3", None, 2), "Opus": ("OGG", "OPUS", 1)}


def decoding(_: Namespace) -> Iterator[Row]:
    """The worker's CPU time for an hour of compressed sound, and the pace, with decoders beside it and without."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (form, subtype, channels) in FORMS.items():
            path = Path(folder, f"speech.{form.lower()}")
            soundfile.write(path, np.repeat(_speech()[:, None], channels, axis=1), 48_000, subtype, format=form)
            own_s, own_pace, text = _heard(path, "0")
            beside_s, pace, same = _heard(path, "1")
            assert text == same != ()
            yield Row(f"decoding: {name}, the worker's CPU time an hour, alone", own_s, "s")
            yield Row("decoding: with decoders beside it", beside_s, "s", "< 1 x", own_s, beside_s < own_s)
            yield Row(f"decoding: {name}, pace of {AT_ONCE} at once, alone", own_pace, "x real time")
            yield Row("decoding: with decoders beside it", pace, "x real time", "", own_pace)


def _speech() -> np.ndarray:
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32", always_2d=True)
    speech = soxr.resample(samples[:, 0], rate, 48_000)
    return np.resize(speech, MINUTES * 60 * 48_000)


def _heard(path: Path, decoders: str) -> tuple[float, float, tuple[str, ...]]:
    """Returns the worker's CPU seconds for an hour of sound, the seconds of sound in a second, and the text."""
    command = json.dumps([sys.executable, str(PROGRAM)])
    worker = f'[worker."stt/sleeping"]\ncommand = {command}\nenvironment = {{HUSHD_DECODERS = "{decoders}"}}'
    with supervisor(f'stt = "sleeping/one"\n{worker}') as process, Client() as client:
        client.transcribe(path, clips=[0.0, 5.0])
        (engine,) = process.children()
        begun, used = time.perf_counter(), _processor_s(engine)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            (text,) = set(threads.map(_text, [path] * COUNT))
        elapsed, used = time.perf_counter() - begun, _processor_s(engine) - used
    return 60 * used / (COUNT * MINUTES), COUNT * MINUTES * 60 / elapsed, text


def _text(path: Path) -> tuple[str, ...]:
    with Client() as client:
        return tuple(segment.text for segment in client.transcribe(path))


def _processor_s(process: psutil.Process) -> float:
    """Returns the CPU seconds of a process without its children's."""
    times = process.cpu_times()
    return float(times.user + times.system)
