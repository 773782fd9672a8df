"""A recording of an hour: speed beside the bare engine, and memory."""

from __future__ import annotations

import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import soundfile
from hushd import Client

from ..stage import Row, mb, recording, supervisor

HOUR = 81  # times two_cities.wav, 44.4 s
BARE = 3  # clips before, and as many after


def long(_: Namespace) -> Iterator[Row]:
    """60 minutes of speech through the client, beside the engine's own package."""
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    seconds = len(samples) / rate
    bare = _Bare(samples.tolist(), rate)
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        hour = Path(folder) / "hour.wav"
        _repeat(hour, HOUR)
        bare.clips(BARE)
        with supervisor() as process, Client() as client:
            client.preload("stt")
            with _watched(process) as memory:
                began = time.perf_counter()
                heard = client.transcribe(hour)
                took = time.perf_counter() - began
        bare.clips(BARE)
        speed, floor = HOUR * seconds / took, seconds / bare.median()
        yield Row("long: 60 min", speed, "x", ">= 0.9 bare", floor, speed >= 0.9 * floor, "times real time")
        early, late = (max(rss for at, rss, _ in memory if begin <= at < end) for begin, end in ((0, 0.2), (0.2, 2)))
        # The arenas of onnxruntime grow with the longest piece so far, so the first fifth reaches the peak.
        note = f"{len(heard.segments)} segments; {early:.0f} MB after the first fifth"
        yield Row("long: 60 min, worker's RSS at the peak", late, "MB", "<= 400", None, late <= 400, note)


class _Bare:
    """The engine as its own package gives it: one clip after the other, its text for the whole."""

    def __init__(self, samples: list[float], rate: int) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber
        from moonshine_voice.utils import get_assets_path

        self._engine = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY)
        self._samples, self._rate = samples, rate
        self._engine.transcribe_without_streaming(samples, rate)  # warm, as the worker is
        self._times: list[float] = []

    def clips(self, count: int) -> None:
        for _ in range(count):
            began = time.perf_counter()
            self._engine.transcribe_without_streaming(self._samples, self._rate)
            self._times.append(time.perf_counter() - began)

    def median(self) -> float:
        return sorted(self._times)[len(self._times) // 2]


def _repeat(path: Path, times: int) -> None:
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="int16")
    with soundfile.SoundFile(path, "w", rate, 1, subtype="PCM_16") as file:
        for _ in range(times):
            file.write(samples)


@contextmanager
def _watched(supervisor: psutil.Process) -> Iterator[list[tuple[float, float, float]]]:
    """Samples of (share of the block's time, the worker's RSS, the supervisor's), complete when the block ends."""
    samples: list[tuple[float, float, float]] = []
    worker, done, began = supervisor.children()[0], threading.Event(), time.monotonic()

    def watch() -> None:
        while not done.wait(0.25):
            samples.append((time.monotonic() - began, mb(worker)[0], mb(supervisor)[0]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()
        total = time.monotonic() - began
        samples[:] = [(at / total, *sizes) for at, *sizes in samples]
