"""Short commands, spoken by drawn voices and cut off behind their end: words that the bare package hears and hushd does
not, on the same weights. Every lever of speed in hearing is judged by it.

A word is lost if it was said, the package has it however the sound is shifted, and hushd never has: a text that a shift
of a twentieth of a second changes is chance. So is one of the package's that a second run of the same sound changes:
`Deixa a janela aberta` by espeak-ng, three times: `Veja`, `Veja`, `Deixar`.
"""

from __future__ import annotations

import math
import random
import subprocess
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from hushd import Client, HushdError
from hushd_worker_stt.plausibility import differences
from support import real_weights

from ..stage import Row, Samples, loud, supervisor
from . import real
from .short_clips import RATE, VOICES

_CUTS_S = (0.0, 0.1, 0.5)  # behind the last loud sample
_SHIFTS_S = (0.03, 0.07, 0.13)
KEPT = Path(__file__).parents[3] / "build/lost-words"  # the sounds of which a word was lost


class Said(NamedTuple):
    """A command, a voice that speaks it, and the seconds behind its last loud sample at which the sound is cut."""

    language: str
    text: str
    voice: str
    cut_s: float

    @property
    def name(self) -> str:
        return f"{self.text} ({self.voice.replace('/', ' ')}, {self.cut_s} s)".replace("/", " ")


class Heard(NamedTuple):
    """The texts of hushd and of the package, and the words lost."""

    said: Said
    ours: str
    bare: str
    lost: tuple[str, ...]


def commands() -> list[tuple[str, str]]:
    """The language and text of each command."""
    lines = Path(__file__).with_name("commands.txt").read_text().splitlines()
    return [(language, text) for language, _, text in (line.partition("\t") for line in lines)]


def drawn(seed: str, count: int, without: str = "") -> list[Said]:
    """Draws commands, for each a voice, but none of the engine `without`, and a cut."""
    chance = random.Random(seed)
    some = chance.sample(commands(), count)
    voices = {name: [voice for voice in all_ if voice.partition("/")[0] != without] for name, all_ in VOICES.items()}
    return [
        Said(each, text, chance.choice(voices[each] or VOICES[each]), chance.choice(_CUTS_S)) for each, text in some
    ]


def commit() -> str:
    """The last commit, by which a day's commands are drawn."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


def heard(client: Client, engine: str, some: list[Said]) -> Iterator[Heard]:
    """Yields what both hear of each command; a voice that is not installed speaks none. Keeps the sound of a loss."""
    with tempfile.TemporaryDirectory() as folder, real.package(engine) as (package, _):
        for each in some:
            try:
                sound = spoken(client, each)
            except HushdError:
                continue
            file, samples = Path(folder, "said.wav"), Path(folder, "said.npy")
            soundfile.write(file, sound, RATE, subtype="FLOAT")
            np.save(samples, sound)
            ours = client.transcribe(file, model=engine, language=each.language).text
            bare = package(samples, each.language)[0]
            lost = right(each.text, bare) - right(each.text, ours)
            for shift in _SHIFTS_S if lost else ():
                shifted = np.pad(sound, (round(shift * RATE), 0))
                np.save(samples, shifted)
                soundfile.write(file, shifted, RATE, subtype="FLOAT")
                lost &= right(each.text, package(samples, each.language)[0])
                lost -= right(each.text, client.transcribe(file, model=engine, language=each.language).text)
            if lost:
                KEPT.mkdir(parents=True, exist_ok=True)
                soundfile.write(KEPT / f"{engine.replace('/', ' ')}: {each.name}.wav", sound, RATE, subtype="FLOAT")
            yield Heard(each, ours, bare, tuple(sorted(lost.elements())))


def wrong(text: str, heard: str) -> int:
    """The fewest words to change, so that a text is heard."""
    return differences(real.words(text), real.words(heard))


def by_chance(more: Sequence[int]) -> str:
    """Says between which sums of `more`, of each command, are 95 % of those of as many drawn from them anew."""
    sums = np.random.default_rng(0).choice([*more] or [0], (10_000, len(more))).sum(axis=1)
    return "by chance {:+.0f} to {:+.0f} more".format(*np.percentile(sums, (2.5, 97.5)))


def right(text: str, heard: str) -> Counter[str]:
    """The words of a text that were heard."""
    return Counter(real.words(text)) & Counter(real.words(heard))


def spoken(client: Client, said: Said) -> Samples:
    """A command's sound at 16 kHz, cut off. Raises HushdError where the voice is not installed."""
    engine, _, voice = said.voice.partition("/")
    speech = client.synthesize(said.text, engine=engine, voice=voice or None)
    sound = soxr.resample(speech.array(), speech.rate, RATE)
    end = int(np.flatnonzero(loud(sound))[-1] + 1) * 320 + round(said.cut_s * RATE)
    return np.pad(sound[:end], (0, max(0, end - len(sound)))).astype(np.float32)


def lost_words(options: Namespace) -> Iterator[Row]:
    """Counts words of --clips short commands, drawn by the commit, that the bare package hears and hushd does not; of
    as many as --minutes give to each engine. A loss is shown at once."""
    for engine in real.ENGINES:
        if options.engine not in (None, engine, engine.partition("/")[0]):
            continue
        if reason := real_weights.missing(real.FILE.get(engine, engine)):
            yield Row(f"lost-words {engine}", None, "", note=f"not measured: {reason}")
            continue
        some, end = [], time.monotonic() + 60 * (options.minutes or math.inf)
        with supervisor(HUSHD_MODELS_DIR=str(real_weights.home())), Client() as client:
            for each in heard(client, engine, drawn(commit(), options.clips)):
                some.append(each)
                if each.lost:
                    note = f"{each.ours!r} for {each.bare!r}"
                    yield Row(f"lost-words {engine}: {each.said.name}", len(each.lost), "words", note=note)
                if time.monotonic() > end:
                    break
        said = sum(len(real.words(each.said.text)) for each in some)
        bare = [wrong(each.said.text, each.bare) for each in some]
        more = [wrong(each.said.text, each.ours) - count for each, count in zip(some, bare, strict=True)]
        name, all_ = f"lost-words {engine}: {len(some)} commands, wrong of {said}", sum(bare)
        yield Row(name, all_ + sum(more), "words", "bare", all_, sum(more) <= 0, by_chance(more))
        count = sum(len(each.lost) for each in some)
        yield Row(f"lost-words {engine}: lost", count, "words", "0", ok=not count)
