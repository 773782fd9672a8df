"""Measures `listen --continuous` in real time, at a loudspeaker that is the microphone: words lost, drafts, waits."""

from __future__ import annotations

import os
import pty
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
from hushd import Client
from support import real_weights, sound_loop
from support.sound_loop import SoundLoop

from ..stage import Row, loud, recording, supervisor
from .live import load
from .real import words

_SOUND = "two_cities.wav"
_LISTEN = "from hushd_cli import entry; entry.listen()"
_REST_S = 15.0  # for the last line


@dataclass
class _Run:
    """Lines on standard output and drafts in the terminal of one process, each with the time it came."""

    lines: list[tuple[float, str]] = field(default_factory=list)
    drafts: list[float] = field(default_factory=list)


def microphone(options: Namespace) -> Iterator[Row]:
    """--times runs of `two_cities` by a null sink's monitor and --engine (faster-whisper/base): words lost, drafts."""
    name = options.engine or "faster-whisper/base"
    if reason := sound_loop.missing() or real_weights.missing(name):
        yield Row("microphone", None, "", note=f"not measured: {reason}")
        return
    sound = recording(_SOUND)
    samples = load(sound)
    speech_s = (int(np.flatnonzero(loud(samples))[-1]) + 1) / 50
    models = str(real_weights.home())
    with (
        tempfile.TemporaryDirectory(prefix="hushd-microphone-") as folder,
        supervisor(
            "[worker]\nkeep_alive = 3600\n", HUSHD_MODELS_DIR=models
        ),  # before the loop, which takes its variables
        SoundLoop(Path(folder) / "sound") as loop,
        Client() as client,
    ):
        said = words(client.transcribe(sound, model=name).text)
        lost, waits, gaps = list[int](), list[float](), list[float]()
        for _ in range(options.times):
            run, ended = _run(loop, name, sound, speech_s)
            heard = [word for _, line in run.lines for word in words(line)]
            lost.append(jiwer.process_words(" ".join(said), " ".join(heard) or "-").deletions)
            waits.append(run.lines[-1][0] - ended if run.lines else _REST_S)
            drafts = run.drafts[1:]  # the first is "Listening"
            gaps += [after - before for before, after in pairwise(drafts) if after <= ended]
            beside = os.getloadavg()[0]
            print(f"  {' '.join(heard)}\n  {lost[-1]} lost, {waits[-1]:.1f} s, load {beside:.0f}", file=sys.stderr)
    count = f"{len(lost)} runs of {len(said)} words; beside the file's text"
    yield Row("microphone: words lost, at most in a run", max(lost), "", "0", ok=max(lost) == 0, note=count)
    yield Row("microphone: words lost, all runs", sum(lost), "", "0", ok=sum(lost) == 0)
    yield Row("microphone: last text after the last word", statistics.median(waits), "s", "<= 1.5 and the pause")
    yield Row("microphone: the same, at most", max(waits), "s")
    yield Row("microphone: between two drafts, median", statistics.median(gaps), "s")
    old = float(np.percentile(gaps, 95))
    yield Row("microphone: between two drafts, 19 of 20", old, "s", "<= 2", ok=old <= 2)


def _run(loop: SoundLoop, name: str, sound: Path, speech_s: float) -> tuple[_Run, float]:
    """Plays `sound`, whose speech ends after `speech_s`; returns what `listen` wrote, and when the speech ended."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _LISTEN, "--continuous", "--model", name],
        env=loop.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True,
    )  # fmt: skip
    os.close(theirs)
    run = _Run()
    readers = [threading.Thread(target=read, args=(run,)) for read in (_lines(process), _drafts(ours))]
    for reader in readers:
        reader.start()
    loop.wait_for_a_recorder()
    ended = time.monotonic() + speech_s  # a moment early: the player starts first; it ends up to 2 s after its sound
    loop.play(sound)
    while time.monotonic() < ended + _REST_S and (not run.lines or run.lines[-1][0] < ended):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait(300)
    for reader in readers:
        reader.join()
    os.close(ours)
    return run, ended


def _lines(process: subprocess.Popen[str]) -> Callable[[_Run], None]:
    def read(run: _Run) -> None:
        assert process.stdout
        for line in process.stdout:
            run.lines.append((time.monotonic(), line))

    return read


def _drafts(terminal: int) -> Callable[[_Run], None]:
    def read(run: _Run) -> None:
        with suppress(OSError):  # the other end is closed
            while os.read(terminal, 65536):
                run.drafts.append(time.monotonic())

    return read
