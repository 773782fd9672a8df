"""Conversations spliced from recordings of people, with known turns, for tests and scripts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.segmentation.vad import FRAME, Silero
from support.der import Spoken

# Who speaks when in endgame_nagg_nell.wav of moonshine's wheel: by the dialogue and by pitch, he at 108 to 140 Hz,
# she at 177 to 208.
NAGG = ((0.0, 1.22), (2.24, 3.62), (4.61, 8.38), (11.74, 14.34), (17.38, 19.14), (20.19, 22.21), (23.52, 27.71))
NELL = ((3.71, 4.54), (8.51, 11.68), (14.43, 17.28), (19.2, 20.06), (22.3, 23.42))
_PAUSE_S = 0.3  # of quiet do not end an utterance's speech, in a reference


@dataclass(frozen=True)
class Utterance:
    """Audio of one person, and the spans of it, in seconds, in which they speak."""

    samples: np.ndarray
    spans: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Conversation:
    """Audio of several people, and who speaks when."""

    samples: np.ndarray
    spoken: tuple[Spoken, ...]

    @property
    def people(self) -> int:
        return len({spoken.who for spoken in self.spoken})


def read(path: Path, channel: int | None = None) -> np.ndarray:
    """A recording, or one channel of it, levelled, at the worker's rate."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1) if channel is None else samples[:, channel]
    return normalise(soxr.resample(mono, rate, RATE).astype(np.float32))


def utterances(samples: np.ndarray, longest: float = 8.0) -> list[Utterance]:
    """`samples` of one person, cut at pauses into utterances of up to `longest` seconds where that is possible."""
    groups: list[list[tuple[float, float]]] = []
    for start, end in spans(samples):
        if groups and end - groups[-1][0][0] <= longest:
            groups[-1].append((start, end))
        else:
            groups.append([(start, end)])
    found = []
    for group in groups:
        first, last = max(0.0, group[0][0] - 0.1), group[-1][1] + 0.1
        inside = tuple((start - first, end - first) for start, end in group)
        found.append(Utterance(samples[round(first * RATE) : round(last * RATE)], inside))
    return found


def spans(samples: np.ndarray) -> list[tuple[float, float]]:
    """The times at which somebody speaks in `samples`, by the voice activity model, which diarization does not use."""
    model = Silero()
    found: list[tuple[float, float]] = []
    for start in range(0, len(samples) - FRAME + 1, FRAME):
        if model.feed(samples[start : start + FRAME]) < 0.5:
            continue
        begin, end = start / RATE, (start + FRAME) / RATE
        if found and begin - found[-1][1] < _PAUSE_S:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return [(begin, end) for begin, end in found if end - begin > 0.1]


def moonshine_people(assets: Path) -> dict[str, list[Utterance]]:
    """Three people out of the recordings in moonshine's wheel; two of them are one voice, which reads both."""
    endgame = read(assets / "endgame_nagg_nell.wav")

    def parts(turns: Iterable[tuple[float, float]]) -> list[Utterance]:
        return [part for a, b in turns for part in utterances(endgame[round(a * RATE) : round(b * RATE)])]

    reader = [part for name in ("beckett.wav", "two_cities.wav") for part in utterances(read(assets / name))]
    return {"nagg": parts(NAGG), "nell": parts(NELL), "reader": reader}


def spliced(
    people: Mapping[str, list[Utterance]], count: int, seed: int, seconds: float = 75.0, overlap: float = 0.2
) -> Conversation:
    """`count` of `people` talk for `seconds` and the rest of an utterance.

    Quiet of up to a second lies between turns; in a share `overlap` of the changes somebody begins 0.4 to 1.5 s before
    the other has finished. Each is as loud as they happen to be, within 6 dB; there is noise at -55 dB. An utterance
    comes a second time when all of that person's have been heard.
    """
    chance = random.Random(seed)
    who = chance.sample(sorted(people), count)
    left: dict[str, list[Utterance]] = {name: [] for name in who}
    loudness = {name: 10 ** (chance.uniform(-6, 0) / 20) for name in who}
    samples = np.zeros(round((seconds + 60) * RATE), np.float32)
    now, before, last = 0.5, 0.0, ""
    spoken: list[Spoken] = []
    while now < seconds:
        others = [name for name in who if name != last]
        name = chance.choice(others) if not last or chance.random() < 0.85 else last
        if not left[name]:
            left[name] = chance.sample(people[name], len(people[name]))
        utterance = left[name].pop()
        length = len(utterance.samples) / RATE
        gap = chance.uniform(0.1, 1.0)
        if last not in ("", name) and chance.random() < overlap:
            gap = -min(chance.uniform(0.4, 1.5), before / 2, length / 2)
        start = round((now + gap) * RATE)
        samples[start : start + len(utterance.samples)] += utterance.samples * np.float32(loudness[name])
        spoken += [Spoken(start / RATE + a, start / RATE + b, name) for a, b in utterance.spans]
        now, before, last = start / RATE + length, length, name
    noise = np.random.default_rng(seed).normal(0, 10 ** (-55 / 20), round((now + 0.5) * RATE)).astype(np.float32)
    return Conversation(np.clip((samples[: len(noise)] + noise) * np.float32(0.7), -1, 1), tuple(spoken))
