"""Speech: how well it is understood, how soon it begins, and how fast pages become a file."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import jiwer
import psutil
from hushd import Client
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import SENTENCE, Row, mb, supervisor
from ..utterances import UTTERANCES, Utterance

RUNS = 15
_NORMALISE = EnglishTextNormalizer()
# The kinds of which none may be wrong.
EXACT = ("numbers", "percent", "dates", "times", "money", "abbreviations")
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


def intelligibility(_: Namespace) -> Iterator[Row]:
    """100 sentences of many kinds spoken and transcribed; the floor has numbers and signs written as words."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder, supervisor(), Client() as client:

        def heard(text: str) -> str:
            path = Path(folder) / "said.wav"
            client.synthesize(text, format="wav").save(path)
            return client.transcribe(path).text

        ours, floors, wrong = [], [], []
        for utterance in UTTERANCES:
            ours.append(heard(utterance.text))
            floors.append(heard(utterance.spoken))
            # The transcriber writes numbers its own way; what sounds like the words to it was read right.
            same = _plain(ours[-1]) == _plain(floors[-1])
            if not same and (missing := _missing(utterance, ours[-1])):
                wrong.append((utterance, missing, ours[-1], bool(_missing(utterance, floors[-1]))))
    spoken = [_NORMALISE(utterance.spoken) for utterance in UTTERANCES]
    rate, floor = (jiwer.wer(spoken, [_NORMALISE(text) or "-" for text in texts]) for texts in (ours, floors))
    yield Row(f"intelligibility: WER of {len(UTTERANCES)} sentences", rate, "", "", floor, note="floor: said in words")
    for kind in dict.fromkeys(utterance.kind for utterance in UTTERANCES if utterance.point):
        count = sum(utterance.kind == kind for utterance in UTTERANCES)
        bad = [entry for entry in wrong if entry[0].kind == kind and not entry[3]]
        right = count - len(bad)
        yield Row(
            f"intelligibility: {kind} right", right, f"of {count}", f"{count}" if kind in EXACT else "", ok=not bad
        )
    for utterance, missing, text, misheard in wrong:
        why = "misheard in words too" if misheard else "MISREAD?"
        print(f"    {why}: {utterance.text!r} lacks {missing!r}: {text!r}", file=sys.stderr)


def _missing(utterance: Utterance, heard: str) -> str:
    """The first point of the sentence that was not heard."""
    points = filter(None, utterance.point.split(" / "))
    return next((point for point in points if _plain(point) not in _plain(heard)), "")


def _plain(text: str) -> str:
    cardinal = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", _NORMALISE(text))  # "March 15" is how March fifteenth is written
    return "".join(c for c in cardinal if c.isalnum() or c in "$€£%.")


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
