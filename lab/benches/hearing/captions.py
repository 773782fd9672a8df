"""`hushd captions`: how far stable text lags behind sound, over minutes of speech, and what it costs."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import jiwer
import psutil
from hushd import Client

from ..stage import BIN, Row, supervisor
from ..utterances import UTTERANCES
from .spoken import first_sound, play, spoken

from support import sound_loop  # isort: skip
from support.peer import wait_until  # isort: skip
from support.sound_loop import Monitor, SoundLoop  # isort: skip
from support.wer import words  # isort: skip

MINUTES = 5.0


def captions(options: Namespace) -> Iterator[Row]:
    """Lag of stable text behind what plays, 95 of 100 words, and the processor's share: 5 minutes, or --minutes."""
    if missing := sound_loop.missing():
        yield Row("captions: lag of stable text, p95", None, "s", "<= 1.5", note=f"not installed: {missing}")
        return
    folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    loop = SoundLoop(folder / "sound")
    os.environ |= loop.environment
    with loop, supervisor() as process, Client() as client, Monitor(loop) as monitor:
        said = spoken(client, _text(60 * (options.minutes or MINUTES)), folder / "speech.wav")
        client.unload("tts")
        client.preload("stt")
        shown = subprocess.Popen([BIN / "hushd", "captions", "--json"], stdout=subprocess.PIPE, text=True)
        events: list[tuple[float, dict[str, str]]] = []
        reader = threading.Thread(target=_read, args=(shown, events))
        reader.start()
        wait_until(lambda: events, "the captions")
        worker = process.children()[0]
        before = [_cpu(worker), _cpu(psutil.Process(shown.pid))]
        began = time.monotonic()
        player = play(loop, said)
        heard = first_sound(monitor, began)
        while player.poll() is None:
            monitor.blocks.clear()
            time.sleep(1.0)
        took = time.monotonic() - began
        shares = [
            100 * (_cpu(one) - first) / took
            for one, first in zip((worker, psutil.Process(shown.pid)), before, strict=True)
        ]
        shown.send_signal(signal.SIGINT)
        reader.join()
        shown.wait()
    lags, wrong = _lags(events, [(word, heard + end) for word, end in said.words])
    p95 = statistics.quantiles(lags, n=20)[-1]
    note = f"median {statistics.median(lags):.2f} s, at most {max(lags):.2f} s, {len(lags)} words in {took:.0f} s"
    yield Row("captions: lag of stable text, p95", p95, "s", "<= 1.5", ok=p95 <= 1.5, note=note)
    yield Row("captions: words that were not heard right", 100 * wrong, "%")
    yield Row("captions: the worker's share of a core", shares[0], "%")
    yield Row("captions: the command's share of a core", shares[1], "%")


def _text(seconds: float) -> str:
    """Returns plain sentences whose speech takes about so many seconds."""
    plain = [utterance.text for utterance in UTTERANCES if utterance.kind in ("plain", "questions")]
    return " ".join(plain[number % len(plain)] for number in range(round(seconds / 3)))


def _read(process: subprocess.Popen[str], events: list[tuple[float, dict[str, str]]]) -> None:
    assert process.stdout
    for line in process.stdout:
        events.append((time.monotonic(), json.loads(line)))


def _lags(events: list[tuple[float, dict[str, str]]], reference: list[tuple[str, float]]) -> tuple[list[float], float]:
    """Seconds from each word's end to the moment from which it stood, and the share of words not heard right."""
    shown: list[tuple[str, float]] = []  # the words of lines, and when each was stable
    times: list[float] = []  # of the words of the line in the making
    for when, event in events:
        stable = words(event.get("stable", "")) if event["kind"] == "unfinished" else []
        if event["kind"] == "line":
            stable = words(event["text"])
        times += [when] * (len(stable) - len(times))
        if event["kind"] == "line":
            shown += list(zip(stable, times, strict=False))
            times = times[len(stable) :]  # words after the line stay
    expected = [(part, end) for word, end in reference for part in words(word)]
    # Not the longest run in common: the text comes again and again, and one wrong word would shift it by a round.
    aligned = jiwer.process_words(*(" ".join(word for word, _ in column) for column in (expected, shown)))
    same = [chunk for chunk in aligned.alignments[0] if chunk.type == "equal"]
    pairs = [(c.ref_start_idx + k, c.hyp_start_idx + k) for c in same for k in range(c.ref_end_idx - c.ref_start_idx)]
    lags = [shown[b][1] - expected[a][1] for a, b in pairs]
    return lags, 1 - len(pairs) / len(expected)


def _cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])
