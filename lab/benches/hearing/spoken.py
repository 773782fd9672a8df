"""Plays sentences into a sound loop, with the times of their words."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import soundfile
import soxr
from hushd import Client

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # the loop is the tests' too
from support.peer import wait_until
from support.sound_loop import RATE, Monitor, SoundLoop

LOUD = 300  # of a sample: something is heard


@dataclass
class Spoken:
    """A file of speech; `words` with the second each ends, counted from the first sound."""

    path: Path
    words: list[tuple[str, float]]
    seconds: float


def spoken(client: Client, text: str, path: Path) -> Spoken:
    """Has hibari speak a text, as a file at the loop's rate."""
    speech = client.synthesize(text, timeline=True)
    samples = soxr.resample(speech.array(), speech.rate, RATE)
    first = next(place for place, sample in enumerate(samples) if abs(sample) * 32768 > LOUD) / RATE
    soundfile.write(path, samples, RATE, "PCM_16")
    words = [
        (text[word.text_start : word.text_end], word.end - first) for part in speech.timeline for word in part.words
    ]
    return Spoken(path, words, len(samples) / RATE - first)


def play(loop: SoundLoop, said: Spoken) -> subprocess.Popen[bytes]:
    """Begins to play it."""
    command = ["paplay", "--property=media.role=phone", "--latency-msec=20", str(said.path)]
    return subprocess.Popen(command, env=loop.environment, stdin=subprocess.DEVNULL)


def first_sound(monitor: Monitor, after: float) -> float:
    """Waits for the first sound after a moment; returns when it was played."""

    def found() -> float | None:
        return next((when for when, samples in list(monitor.blocks) if when > after and max(samples) > LOUD), None)

    return float(wait_until(found, "a sound"))


class Watched:
    """The contents of a text field, and when each was there."""

    def __init__(self, read) -> None:  # type: ignore[no-untyped-def]
        self._read = read
        self.changes: list[tuple[float, str]] = []
        self._last = read()

    def until(self, condition) -> float:  # type: ignore[no-untyped-def]
        """Returns the time of the first content for which `condition` holds."""

        def holds() -> float | None:
            self._look()
            return next((when for when, text in self.changes if condition(text)), None)

        return float(wait_until(holds, "the text"))

    def settled(self, seconds: float) -> float:
        """Returns the time of the last change, once there was none for so long behind a space."""

        def holds() -> float | None:
            self._look()
            last = self.changes[-1][0] if self.changes else time.monotonic()
            return last if self._last.endswith(" ") and time.monotonic() - last > seconds else None

        return float(wait_until(holds, "the end"))

    def _look(self) -> None:
        text = self._read()
        if text != self._last:
            self._last = text
            self.changes.append((time.monotonic(), text))
