"""Two people in the two channels of a recording: the words that are wrong, apart, mixed, and of each channel alone."""

from __future__ import annotations

import random
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import jiwer
import numpy as np
import soundfile
from hushd import Client
from support.conversations import utterances
from support.sounds import song
from support.wer import TWO_CITIES
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import Row, Samples, at_16_khz, recording, supervisor

Errors = Counter[str | tuple[str, str]]

_SEEDS = (1,)
_NAMES = ("LEFT", "RIGHT")
_ECHO, _ECHOED = np.float32(0.1), "apart, echo at -20 dB"


def channels(options: Namespace) -> Iterator[Row]:
    """Measures two people, a channel each, who both talk half of the time (--audio DIR), and other stereo."""
    clips = sorted(options.audio.glob("*-en-*.ogg")) if options.audio else []
    if not clips:
        yield Row("channels", None, "", "<= alone + 0.02", note="not measured: give --audio DIR")
        return
    people = _people(clips)
    with supervisor(), Client() as client:
        errors, words = Errors(), 0
        for seed in _SEEDS:
            wrong, spoken = _dialogue(client, people, seed)
            errors, words = errors + wrong, words + spoken
        alone, mixed = errors["alone"] / words, errors["mixed"] / words
        rate, note = errors["apart"] / words, f"of {words} words; floor: each alone; mixed, as before: {mixed:.3f}"
        yield Row("channels: apart", rate, "", f"<= {alone + 0.02:.3f}", alone, rate <= alone + 0.02, note)
        rate, more = errors[_ECHOED] / words, errors["more", _ECHOED]
        note = "floor: each alone"
        yield Row(f"channels: {_ECHOED}", rate, "", "", alone, note=note)
        goal = errors["more", "alone"] + 2
        yield Row("channels: words too many, with this echo", more, "", f"<= {goal}", ok=more <= goal, note=note)
        talk = people[1][0][1]
        rng = np.random.default_rng(1)
        tunes = np.stack([song(1), song(2)], axis=1)[: len(talk)]
        for name, pair in {
            "one person, the same in both": np.stack([talk, talk], axis=1),
            "one person, 6 dB louder on the left": np.stack([talk, talk / 2], axis=1),
            "one person, the other channel dead": np.stack([talk, np.zeros_like(talk)], axis=1),
            "one person, noise in the other channel": np.stack([talk, rng.normal(0, 0.003, len(talk))], axis=1),
            "another tune in each channel": tunes,
            "one person over these tunes": tunes * 0.3 + talk[: len(tunes), None],
        }.items():
            heard = client.transcribe(_file(pair))
            speakers = {segment.speaker for segment in heard}
            yield Row(f"channels: {name}", len(speakers - {""}), "people", "= 0", ok=speakers <= {""})


def _people(clips: list[Path]) -> list[list[tuple[str, Samples]]]:
    """Returns the texts and recordings of the person in either channel."""
    read = [(clip.with_suffix(".txt").read_text(), at_16_khz(clip)) for clip in clips]
    return [[(TWO_CITIES, at_16_khz(recording("two_cities.wav")))], read]


def _dialogue(client: Client, people: list[list[tuple[str, Samples]]], seed: int) -> tuple[Errors, int]:
    """Returns the wrong words, apart, alone and mixed, and the number of words, of a dialogue made with `seed`."""
    chance = random.Random(seed)
    normalise = EnglishTextNormalizer()
    texts = [normalise(" ".join(text for text, _ in person)) for person in people]
    own = [_paced([samples for _, samples in person], chance) for person in people]
    length = max(map(len, own))
    pair = np.stack([np.pad(samples, (0, length - len(samples))) for samples in own], axis=1)
    errors = Errors()
    for kind, sound in (("apart", pair), (_ECHOED, pair + _ECHO * pair[:, ::-1])):
        heard = list(client.transcribe(_file(sound)))
        for text, name in zip(texts, _NAMES, strict=True):
            errors += _wrong(kind, text, normalise(" ".join(s.text for s in heard if s.speaker == name)))
    for text, samples in zip(texts, pair.T, strict=True):
        errors += _wrong("alone", text, normalise(client.transcribe(_file(samples)).text))
    # A mixed text has no speakers, so it is compared with all that one says after all of the other.
    mixed = normalise(client.transcribe(_file(pair), by_channel=False).text)
    errors["mixed"] = min(_wrong("mixed", " ".join(each), mixed)["mixed"] for each in (texts, texts[::-1]))
    return errors, sum(len(text.split()) for text in texts)


def _paced(recordings: list[Samples], chance: random.Random) -> Samples:
    """Returns recordings, cut at their pauses, with as much silence between the parts as there is speech."""
    parts: list[Samples] = []
    for samples in recordings:
        level = np.float32(0.3 / np.abs(samples).max())
        for utterance in utterances(samples * level, 4.0):
            silence = chance.uniform(0.5, 1.5) * len(utterance.samples)
            parts += [np.zeros(round(silence), np.float32), utterance.samples]
    return np.concatenate(parts)


def _wrong(kind: str, said: str, heard: str) -> Errors:
    """Returns the wrong words of a kind, and of these those that nobody said."""
    if not heard:
        return Counter({kind: len(said.split())})
    found = jiwer.process_words(said, heard)
    wrong = found.substitutions + found.deletions + found.insertions
    return Counter({kind: wrong, ("more", kind): found.insertions})


def _file(samples: Samples) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples.astype(np.float32), 16_000, format="WAV", subtype="PCM_16")
    return file.getvalue()
