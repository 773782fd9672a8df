"""Speech by one voice of each engine that is installed, for one to four programs at once."""

from __future__ import annotations

import os
import statistics
import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import NamedTuple

from hushd import Client, HushdError
from support import real_weights

from .stage import Row, supervisor, tree_pss

TEXT = (
    "When sunlight strikes raindrops in the air, they act as a prism, and form a rainbow. The rainbow is a division of "
    "white light into many colors. These take the shape of a long round arch. Its two ends are beyond the horizon."
)
VOICES = ("hibari/heart", "espeak-ng/espeak-en-us", "piper/en_US-joe-medium", "kokoro/af_heart")
PROGRAMS = (1, 2, 4)
RUNS = 3


class Spoken(NamedTuple):
    """Seconds to the first sound, of silence between it and the last, to the whole, and of sound."""

    first: float
    silence: float
    whole: float
    sound: float


def voices(_: Namespace) -> Iterator[Row]:
    """First sound of four sentences by each engine's voice, with one, two and four programs; in the notes the silence
    between them, the seconds for a second of sound, and the workers' memory meanwhile."""
    environment = {"HUSHD_MODELS_DIR": str(real_weights.home()), "LC_ALL": "C.UTF-8"}
    for voice in VOICES:
        with supervisor(**environment) as process, Client() as client:
            name = f"voices: {voice}"
            try:
                _spoken(client, voice, "Yes.")
            except HushdError as error:
                yield Row(name, None, "", note=error.message)
                continue
            for count in PROGRAMS:
                said = [each for _ in range(RUNS) for each in _at_once(voice, count)]
                first, silence, whole, sound = (statistics.median(each) for each in zip(*said, strict=True))
                memory = tree_pss(process) - process.memory_full_info().pss / 1e6
                note = f"silence {silence:.2f} s, {whole / sound:.3f} s for a second of sound, {memory:.0f} MB"
                yield Row(f"{name}, {count} program{'s' * (count > 1)}", first, "s", note=note)


def _at_once(voice: str, count: int) -> list[Spoken]:
    """The same text for each of so many programs, each with a connection of its own."""
    together = Barrier(count)

    def speak(number: int) -> Spoken:
        with Client(holder=f"bench-{os.getpid()}-{number}") as client:
            _spoken(client, voice, "Yes.")  # whose voice is looked for once
            together.wait()
            return _spoken(client, voice, TEXT)

    with ThreadPoolExecutor(count) as programs:
        return list(programs.map(speak, range(count)))


def _spoken(client: Client, voice: str, text: str) -> Spoken:
    engine, _, name = voice.partition("/")
    began, first, sound, silence = time.monotonic(), 0.0, 0.0, 0.0
    speech = client.synthesize(text, engine=engine, voice=name)
    for samples in speech:
        now = time.monotonic() - began
        first = first or now
        silence += max(0.0, now - (first + sound + silence))  # a loudspeaker has played all that came before
        sound += len(samples) / 2 / speech.rate
    return Spoken(first, silence, time.monotonic() - began, sound)
