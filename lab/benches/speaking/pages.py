"""Measures how soon speech begins, and how fast pages are written to a file."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import psutil
from hushd import Client

from ..stage import SENTENCE, Row, mb, supervisor

RUNS = 15
PARAGRAPH = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness. The "
    "period was so far like the present period, that some of its noisiest authorities insisted on its being received, "
    "for good or for evil, in the superlative degree of comparison only. There were a king with a large jaw and a "
    "queen with a plain face, on the throne of England. In both countries it was clearer than crystal to the lords of "
    "the State preserves of loaves and fishes, that things in general were settled for ever. "
)
PAGES = PARAGRAPH * 34  # 3,000 words: ten pages

BARE_PAGES = """
import sys, time
from hibari import Hibari
tts = Hibari()
tts("Warm up.")
text = sys.stdin.read()
began = time.perf_counter()
tts.save(text, sys.argv[1])
print(time.perf_counter() - began)
"""


def pages(_: Namespace) -> Iterator[Row]:
    """First audio of 10 words and of 10 pages, warm, at the client; 10 pages to a file against the bare engine."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder, supervisor() as process, Client() as client:
        for name, text, goal in (("10 words", SENTENCE, 40), ("10 pages", PAGES, 60)):
            times = []
            for _ in range(RUNS):
                began = time.perf_counter()
                speech = client.synthesize(text)
                next(speech)
                times.append(time.perf_counter() - began)
                speech.close()
            value = statistics.median(times[1:]) * 1000
            yield Row(f"pages: first audio, {name}", value, "ms", f"<= {goal}", ok=value <= goal)
        path = Path(folder) / "pages.wav"
        ours, floors, memory = [], [], []
        for _ in range(3):
            began = time.perf_counter()
            client.synthesize(PAGES, format="wav").save(path)
            ours.append(time.perf_counter() - began)
            command = [sys.executable, "-c", BARE_PAGES, str(Path(folder) / "bare.wav")]
            done = subprocess.run(command, input=PAGES, text=True, capture_output=True, check=True)
            floors.append(float(done.stdout))
        value, floor = min(ours), min(floors)
        yield Row("pages: 10 pages to a WAV", value, "s", "<= bare / 0.9", floor, value <= floor / 0.9, "best of 3")
        for count, _chunk in enumerate(client.synthesize(PAGES)):
            if count % 50 == 20:  # some 20 sentences are a page
                memory.append(mb(_worker(process))[1])
        growth = max(memory) - memory[0]
        yield Row("pages: worker's PSS after the first page", growth, "MB", "<= 10", memory[0], growth <= 10)


def _worker(process: psutil.Process) -> psutil.Process:
    """The one that speaks; the supervisor has no other child here."""
    (worker,) = process.children()
    return worker
