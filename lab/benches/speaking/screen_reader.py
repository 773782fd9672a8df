"""A screen reader through a real speech-dispatcher: how soon a word is heard, and a stop is silent."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from hushd import Client

from ..stage import Row, supervisor, wait_until_childless

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # the loop is the tests' too
from support import sound_loop, speech_dispatcher
from support.peer import wait_until
from support.sound_loop import Monitor, SoundLoop
from support.speech_dispatcher import Reader, SpeechDispatcher

WORDS = ("Yes", "File", "Menu", "Window", "Settings", "Button", "Checked", "Heading", "Link", "Cancel")
TRIES = 100
STOPS = 30
TINY = 1000
LOUD = 30  # of a sample
LONG = "They walked along the river until it was dark. Nothing in the garden had changed since the spring. " * 3
KEEP_S = 300.0  # the usual keep_alive


def screen_reader(options: Namespace) -> Iterator[Row]:
    """One word to its first sample, stop to silence, a thousand tiny messages; with --minutes 6, the worker's end."""
    if names := missing():
        yield Row("screen reader: one word, p95", None, "ms", "<= 100", note=f"not installed: {names}")
        return
    folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    loop = SoundLoop(folder / "sound")
    os.environ |= loop.environment
    with (
        loop,
        supervisor() as process,
        Client() as client,
        Monitor(loop) as monitor,
        SpeechDispatcher(loop, folder / "spd") as dispatcher,
        Reader(dispatcher) as reader,
    ):
        began = time.monotonic()
        reader.speak("Hello.")
        cold = _first(monitor, began)
        reader.wait_for("END")
        times = [word(monitor, reader, WORDS[number % len(WORDS)]) for number in range(TRIES)]
        p95 = statistics.quantiles(times, n=20)[-1]
        note = f"median {statistics.median(times):.0f} ms, at most {max(times):.0f} ms, load {os.getloadavg()[0]:.1f}"
        yield Row("screen reader: one word, p95", p95, "ms", "<= 100", ok=p95 <= 100, note=note)
        yield Row("screen reader: the first one, cold", 1000 * cold, "ms")
        stops = [_stop(monitor, reader) for _ in range(STOPS)]
        value, note = statistics.median(stops), f"at most {max(stops):.0f} ms"
        yield Row("screen reader: stop to silence", value, "ms", "<= 50", ok=value <= 50, note=note)
        began = time.monotonic()
        faults = _tiny(reader)
        took = time.monotonic() - began
        alive = word(monitor, reader, "Done") < 1000
        note = f"{TINY} messages, each cancelled when it has begun, in {took:.0f} s"
        yield Row("screen reader: faults", faults, "", "0", ok=not faults and alive, note=note)
        if (options.minutes or 0) * 60 >= KEEP_S:
            last = time.monotonic()
            wait_until_childless(process, KEEP_S + 30)
            gone = time.monotonic() - last
            yield Row("screen reader: last word to no worker", gone, "s", "300", ok=gone <= KEEP_S + 5)
        client.unload()


def missing() -> str:
    """Names the programs that are not installed; empty when all are."""
    return ", ".join(filter(None, (sound_loop.missing(), speech_dispatcher.missing())))


def _first(monitor: Monitor, after: float) -> float:
    """Seconds to the first sound."""

    def found() -> float | None:
        return next((when for when, samples in list(monitor.blocks) if when > after and max(samples) > LOUD), None)

    return float(wait_until(found, "a sound")) - after


def word(monitor: Monitor, reader: Reader, word: str) -> float:
    """Milliseconds from a word's request to its first sample."""
    monitor.blocks.clear()
    after = len(reader.events)
    took = _first(monitor, reader.speak(word))
    reader.wait_for("END", after)
    time.sleep(0.1)
    return 1000 * took


def _stop(monitor: Monitor, reader: Reader) -> float:
    """Milliseconds from a stop to the last sample, somewhere in a long text."""
    monitor.blocks.clear()
    after = len(reader.events)
    _first(monitor, reader.speak(LONG))
    time.sleep(0.3 + 0.037 * (after % 13))
    stopped = time.monotonic()
    reader.ask("STOP self")
    reader.wait_for("CANCELED", after)
    time.sleep(0.3)
    last = max(when for when, samples in monitor.blocks if max(samples) > LOUD)
    return 1000 * max(0.0, last - stopped)


def _tiny(reader: Reader) -> int:
    """Messages that did not begin, or did not end once: each is cancelled as soon as it has begun, but for the last."""
    reader.events.clear()
    for number in range(TINY):
        after = len(reader.events)
        reader.speak(f"Line {number}.")
        reader.wait_for("BEGIN", after)
        if number < TINY - 1:
            reader.ask("CANCEL self")
            reader.wait_for("CANCELED", after)
    reader.wait_for("END")
    names = [name for name, _ in reader.events]
    ended = names.count("END") + names.count("CANCELED")
    return abs(names.count("BEGIN") - TINY) + abs(ended - TINY)
