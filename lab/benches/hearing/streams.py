"""Processor time of live speech by a model that streams, against the bare library's stream of the same sound."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from hushd import Client

from ..stage import Row, recording, supervisor
from .live import RATE, Samples, load

RUNS = 3
# Of the recording: its first utterance, and three of them, each of which ends a stream; seconds by what it is called.
SPOKEN = {"one utterance": 12, "three": 20}
ENGINE, NAME = "transcribe-cpp", "nemotron-speech-streaming-en-0.6b"
THREADS = {"OMP_NUM_THREADS": "1"}
CHUNK = RATE // 10  # samples, of a microphone's chunk
# argv: the model, the sound as float32, the samples of a feed; prints the CPU seconds of its second stream.
_BARE = """
import os, sys, time
os.environ["TRANSCRIBE_BACKENDS"] = "cpu"
import numpy, transcribe_cpp
transcribe_cpp.set_log_callback(lambda level, message: None)
model = transcribe_cpp.Model(sys.argv[1], backend="cpu")
session = model.session(n_threads=1)
sound, size = numpy.fromfile(sys.argv[2], numpy.float32), int(sys.argv[3])
for spoken in (sound[: 2 * size], sound):
    began = time.process_time()
    with session.stream() as stream:
        for start in range(0, len(spoken), size):
            stream.feed(spoken[start : start + size])
            stream.text()
        stream.finalize()
        stream.snapshot()
print(time.process_time() - began)
"""


def streams(options: Namespace) -> Iterator[Row]:
    """A live session by Nemotron in --models DIR: CPU time beyond the bare library's stream, fed 1.12 s at once."""
    folder = options.models and options.models / ENGINE / NAME
    files = sorted(folder.glob("*.gguf")) if folder else []
    if not files:
        note = f"not measured: --models names a folder with {ENGINE}/{NAME}, see `scripts/fullsize make`"
        yield Row("streams", None, "", note=note)
        return
    whole = load(recording("two_cities.wav"))
    with supervisor(HUSHD_MODELS_DIR=str(options.models), **THREADS) as process, Client() as client:
        _listen(client, whole[: 4 * RATE])
        for what, seconds in SPOKEN.items():
            sound = whole[: seconds * RATE]
            ours: list[float] = []
            bare: list[float] = []
            for _ in range(RUNS):  # in turn, so that whatever else runs disturbs both
                bare.append(_bare(files[0], sound))
                before = _cpu(process)
                _listen(client, sound)
                ours.append(_cpu(process) - before)
            value, floor = (statistics.median(costs) / seconds * 1000 for costs in (ours, bare))
            goal, ok = ("1.05 x", value <= 1.05 * floor) if what == "one utterance" else ("", None)
            yield Row(f"streams: CPU for a second of {what}", value, "ms", goal, floor, ok)


def _listen(client: Client, sound: Samples) -> None:
    """Speaks it to a session, as quickly as the session takes it."""
    samples = (sound * 32767).astype("<i2")
    chunks = (samples[start : start + CHUNK].tobytes() for start in range(0, len(samples), CHUNK))
    client.listen(chunks, engine=ENGINE, model=NAME, continuous=True).transcript()


def _cpu(supervisor: psutil.Process) -> float:
    """Seconds that the supervisor and its worker have taken."""
    return sum(sum(process.cpu_times()[:2]) for process in (supervisor, *supervisor.children()))


def _bare(model: Path, sound: Samples) -> float:
    with tempfile.NamedTemporaryFile(prefix="hushd-", suffix=".f32") as file:
        sound.astype(np.float32).tofile(file.name)
        command = [sys.executable, "-c", _BARE, str(model), file.name, str(round(1.12 * RATE))]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
