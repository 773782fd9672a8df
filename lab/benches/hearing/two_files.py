"""Two recordings at once against one after the other, and what a second process does for who comes later."""

from __future__ import annotations

import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import soundfile
from hushd import Client

from ..stage import Row, recording, supervisor

LONG_S = 120  # of speech in each recording: longer than a start many times over
CLIP_S = 10
RUNS = 3


def files(_: Namespace) -> Iterator[Row]:
    """Two long recordings at once, by as many processes as there are by default, against one after the other."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        long, clip = _recordings(Path(name))
        apart, at_once, busy, others = [], [], [], []
        with supervisor() as process:
            _together([long, long])  # both processes are there from now on
            for _ in range(RUNS):  # by turns, so that other programs disturb both alike
                before, began = _busy_s(process), time.perf_counter()
                _together([long])
                _together([long])
                apart.append(time.perf_counter() - began)
                ours, all_ = (now - then for now, then in zip(_busy_s(process), before, strict=True))
                busy.append(ours / apart[-1])
                others.append((all_ - ours) / apart[-1])
                at_once.append(_together([long, long]))
            workers = len(process.children())
            behind = _behind(long, clip)
        with supervisor("[worker]\nmax_replicas = 1\n"):
            _together([clip])
            alone = _behind(long, clip)
    ratio = statistics.median(apart) / statistics.median(at_once)
    cores, used, lost = psutil.cpu_count() or 1, statistics.median(busy), statistics.median(others)
    note = f"one file keeps {used:.2f} of {cores} cores busy: at most {cores / used:.2f} x can be had"
    if lost > 0.2:
        note = f"no measurement: other programs kept {lost:.1f} of {cores} cores busy"
    yield Row("files: one after the other", statistics.median(apart), "s", note=f"2 x {LONG_S} s of speech")
    yield Row(f"files: both at once, {workers} processes", statistics.median(at_once), "s")
    yield Row("files: times as fast", ratio, "x", ">= 1.5", ok=ratio >= 1.5, note=note)
    yield Row(f"files: {CLIP_S} s clip beside a long one", behind, "s", floor=alone, note="floor: max_replicas = 1")


def _recordings(folder: Path) -> tuple[Path, Path]:
    """A long one and a clip."""
    audio, rate = soundfile.read(recording("two_cities.wav"), dtype="int16")
    long, clip = folder / "long.wav", folder / "clip.wav"
    soundfile.write(long, np.resize(audio, LONG_S * rate), rate)
    soundfile.write(clip, audio[: CLIP_S * rate], rate)
    return long, clip


def _together(paths: list[Path]) -> float:
    """Seconds until all are transcribed, each for a client of its own."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(paths)) as threads:
        list(threads.map(_transcribe, paths))
    return time.perf_counter() - began


def _transcribe(path: Path) -> None:
    with Client() as client:
        client.transcribe(path)


def _behind(long: Path, clip: Path) -> float:
    """Seconds for a clip that comes while a long recording is being transcribed."""
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(_transcribe, long)
        time.sleep(0.5)
        seconds = _together([clip])
        first.result()
    return seconds


def _busy_s(process: psutil.Process) -> tuple[float, float]:
    """CPU time of all workers, and of the whole machine."""
    times = psutil.cpu_times()
    whole = sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0)
    return sum(sum(child.cpu_times()[:2]) for child in process.children()), whole
