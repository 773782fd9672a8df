"""The verdicts that a network's numbers decide, and cases on both sides of each: how far from its threshold each is.

Another processor computes other numbers, and so does a dither that nobody hears: what a dither decides is chance.
`scripts/bench margins` prints the table, tests/worker_stt/test_margins.py demands one verdict of each case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import soundfile
import soxr
from hushd_models import text_language
from hushd_worker_stt.audio.level import RunningGain, normalise
from hushd_worker_stt.engine import RATE, Engine, Options, PieceLength
from hushd_worker_stt.live.listener import _certainty
from hushd_worker_stt.plausibility import _IMPROBABLE, _LEAST_LIKELY_SPOKEN, _OTHER, Plausibility, improbability
from hushd_worker_stt.segmentation import endpoint, pieces
from hushd_worker_stt.segmentation.vad import FRAME, SPEECH, Silero
from hushd_worker_stt.wording import _MAX_ROUND_WORDS, SHORT_S, SURE_SPEECH, UNSURE, _most, keys, split

from . import real_weights
from .recordings import recording
from .sounds import NOISES, song

DITHER = 1e-4  # -80 dBFS, which nobody hears
DITHERS = int(os.environ.get("HUSHD_DITHERS", "20"))
SILENCE_S = 0.8  # the default of a live request
Sound = np.ndarray  # float32, mono, 16 kHz
Case = Callable[[int], float]  # the figure of a case by the seed of its dither; 0 for none


@dataclass(frozen=True)
class Verdict:
    """One decision, and the cases in which it must be yes or no.

    Attributes:
        figure: what is measured.
        threshold: the figure from which on the verdict is yes.
    """

    name: str
    figure: str
    threshold: float
    yes: Mapping[str, Case]
    no: Mapping[str, Case]


def dithered(sound: Sound, seed: int) -> Sound:
    """Returns the sound with the dither of a seed."""
    if not seed:
        return sound
    return sound + (np.random.default_rng(seed).standard_normal(len(sound)) * DITHER).astype(np.float32)


@cache
def people(name: str, seconds: float) -> Sound:
    """Returns the beginning of a recording of moonshine's package."""
    samples, rate = soundfile.read(recording(f"{name}.wav"), dtype="float32")
    return soxr.resample(samples, rate, RATE)[: int(seconds * RATE)]


def noisy(sound: Sound, decibels: float) -> Sound:
    """Returns the sound in pink noise that is so much softer."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(len(sound)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), len(sound))
    louder = sound[np.abs(sound) > 0.05 * np.abs(sound).max()]
    noise *= np.sqrt(np.mean(louder**2) / np.mean(noise**2)) * 10 ** (-decibels / 20)
    return (sound + noise).astype(np.float32)


SAID = {
    "35 dB softer": lambda: people("beckett", 3) * np.float32(10 ** (-35 / 20)),
    "two words": lambda: people("beckett", 1.5),
    "in noise at 0 dB": lambda: noisy(people("two_cities", 4), 0),
    "a song below": lambda: people("beckett", 3) * 3 + tune(5)[: 3 * RATE] * np.float32(0.05),
}


def _cut(make: Callable[[], Sound]) -> Sound:
    return make()[: 3 * RATE].astype(np.float32)


def tune(seed: int) -> Sound:
    """Returns the first seconds of a song, after which the detector is sure of it."""
    return song(seed)[: 4 * RATE].astype(np.float32) / 32768


ROOMS = {name: partial(_cut, NOISES[name]) for name in ("noise", "clicks", "coughs", "taps")}
SONGS = {f"song {seed}": partial(tune, seed) for seed in (3, 5, 7, 31)}


@cache
def probabilities(make: Callable[[], Sound], seed: int) -> tuple[float, ...]:
    """Returns the detector's probabilities of speech in a sound, with a second of a quiet room after it."""
    sound = np.concatenate((make(), np.zeros(RATE, np.float32)))
    frames = dithered(sound, seed)[: len(sound) // FRAME * FRAME].astype(np.float32).reshape(-1, FRAME)
    gain = RunningGain(FRAME)
    with Silero() as detector:
        return tuple(detector.feed(gain.apply(frame)) for frame in frames)


def begins(make: Callable[[], Sound], seed: int) -> float:
    """Returns the highest threshold by which an utterance would begin."""
    heard = probabilities(make, seed)
    windows = (
        sorted(heard[max(0, end - endpoint._WINDOW) : end]) for end in range(endpoint._BEGINNING_FRAMES, len(heard))
    )
    return max(window[-endpoint._BEGINNING_FRAMES] for window in windows)


def speaks(make: Callable[[], Sound], seed: int) -> float:
    """Returns the highest threshold by which a recording would have a piece."""
    heard = probabilities(make, seed)
    return next((least for least in sorted(heard, reverse=True) if any(_pieces(heard, least))), 0.0)


def counts(worst: Callable[..., float], make: Callable[[], Sound], seed: int) -> float:
    """Returns how far the certainty of a sound is above the one that its length needs, as a recording and live."""
    heard = probabilities(make, seed)
    recorded = ((p.certainty, sum(end - start for start, end in p.speech)) for p in _pieces(heard, SPEECH))
    found = [*recorded, *map(partial(_certainty, first=0), _utterances(heard))]
    return worst((sure - (SURE_SPEECH if seconds < SHORT_S else UNSURE) for sure, seconds in found), default=-UNSURE)


def pause(rank: int, seed: int) -> float:
    """Returns one of the pauses of Beckett in a live session, in seconds, the longest first."""
    quiet = [0]
    for probability in probabilities(_beckett, seed)[: -RATE // FRAME]:
        quiet = [*quiet, 0] if probability >= endpoint._STAY else [*quiet[:-1], quiet[-1] + 1]
    return sorted(quiet, reverse=True)[rank] * FRAME / RATE


def _beckett() -> Sound:
    return people("beckett", 8.0)


def _pieces(heard: tuple[float, ...], least: float) -> Iterator[pieces.Piece]:
    """Yields the pieces that a recording with these probabilities is cut into."""
    each = iter([probability if probability >= least else 0.0 for probability in heard])
    blocks = [np.zeros(len(heard) * FRAME, np.float32)]
    return pieces.pieces(blocks, lambda frame: next(each), pieces.Cutter(PieceLength(8, 15), 0.3, 0.2))


def _utterances(heard: tuple[float, ...]) -> Iterator[list[float]]:
    """Yields the probabilities of each utterance of a live session that hears these."""
    endpointer, begin = endpoint.Endpointer(SILENCE_S, 0), None
    for now, probability in enumerate(heard):
        state = endpointer.feed(probability)
        if begin is None and state is endpoint.State.SPEAKING:
            begin = now + 1 - round(endpointer.begun_s * RATE / FRAME)
        elif begin is not None and (state is endpoint.State.ENDED or now == len(heard) - 1):
            yield list(heard[begin : now + 1])
            endpointer.wait(heard=True)
            begin = None


def differs(read: Callable[[Sound], str], make: Callable[[], Sound], seed: int) -> float:
    """Returns the share of words that differ in readings of a sound, or as much as decides; 0 if its beginning is read
    alike."""
    sound = dithered(make(), seed)
    judge, first = Plausibility(read), keys(split(read(sound)))
    return 0.0 if judge._agrees_at_first(sound, first) else judge._differing(sound, first)


def rounds(text: str, seed: int) -> float:
    """Returns by how many rounds words are repeated oftener than people do; no sound, and no dither."""
    words = keys(split(text))
    found = [-_most(1)]
    for at in range(len(words)):
        for width in range(1, min(_MAX_ROUND_WORDS, len(words) - at) + 1):
            count = 1
            while words[at + count * width : at + (count + 1) * width] == words[at : at + width]:
                count += 1
            found.append(count - _most(width))
    return max(found)


def lead(own: str, text: str, seed: int) -> float:
    """Returns how many times more probable another language of a text is than its user's own, whose weight counts."""
    _, likely = text_language._read(text)
    others = [share for code, share in likely.items() if code not in (own, "en")]
    return max(others, default=0.0) / max(
        likely.get(own, 0.0) * text_language._FIRST, likely.get("en", 0.0) * text_language._ENGLISH, 1e-9
    )


def _cases(figure: Callable[..., float], sounds: Mapping[str, Callable[[], Sound]]) -> dict[str, Case]:
    return {name: partial(figure, make) for name, make in sounds.items()}


BY_THE_DETECTOR = (
    Verdict(
        "somebody begins to speak", "probability of speech in 3 of 8 frames", endpoint._BEGIN,
        _cases(begins, SAID), _cases(begins, ROOMS),
    ),
    Verdict(
        "a recording has speech", "probability of speech in 4 frames", SPEECH,
        _cases(speaks, SAID), _cases(speaks, ROOMS),
    ),
    Verdict(
        "words count", f"mean probability above {UNSURE}, or {SURE_SPEECH} within a second", 0.0,
        _cases(partial(counts, min), SAID), _cases(partial(counts, max), SONGS),
    ),
    Verdict(
        "a turn ends", "seconds of quiet", SILENCE_S,
        {"Beckett's longest pause, and the next": partial(pause, 0)},
        {"Beckett's longest pause, and the next": partial(pause, 1)},
    ),
)  # fmt: skip


def _backwards(make: Callable[[], Sound]) -> Sound:
    return make()[::-1]


SPOKEN = {"Beckett": lambda: people("beckett", 5.8), "Dickens": lambda: people("two_cities", 5.8)}


@cache
def kokoro(voice: str, language: str, text: str) -> Sound:
    """Returns a sentence of Kokoro's published weights."""
    from kokoro_onnx import Kokoro

    folder = real_weights.home() / "kokoro"
    voices = Kokoro(str(folder / "kokoro-v1.0.int8.onnx"), str(folder / "voices-v1.0.bin"))
    samples, rate = voices.create(text, voice, lang=language)
    return soxr.resample(samples, rate, RATE).astype(np.float32)


OTHERS = {
    "French": partial(
        kokoro, "ff_siwis", "fr-fr", "Demain matin, nous prendrons le train pour visiter la vieille ville."
    ),
    "Portuguese": partial(
        kokoro, "pf_dora", "pt-br", "Amanhã de manhã vamos apanhar o comboio para visitar a cidade velha."
    ),
}


def by_the_model(read: Callable[..., str]) -> Verdict:
    """Returns the verdict that takes readings of a speech model; each figure takes up to a minute on a busy machine."""
    backwards = {f"{name} backwards": partial(_backwards, make) for name, make in SPOKEN.items()}
    return Verdict(
        "a text is probably not the spoken one", "share of words that are read differently", _OTHER,
        _cases(partial(differs, read), backwards), _cases(partial(differs, read), SPOKEN),
    )  # fmt: skip


def by_its_words(model: Engine) -> Verdict:
    """Returns the verdict that the words of a loaded Whisper model of English alone decide; Kokoro speaks others."""

    def figure(make: Callable[[], Sound], seed: int) -> float:
        return improbability(list(model.transcribe(normalise(dithered(make(), seed)), Options())))

    return Verdict(
        "words are probably invented", "how improbable they are", _IMPROBABLE,
        _cases(figure, OTHERS), _cases(figure, SPOKEN),
    )  # fmt: skip


def by_its_language(model: Engine) -> Verdict:
    """Returns the verdict that the languages which a loaded Whisper model of many hears decide."""

    def other(language: str, make: Callable[[], Sound], seed: int) -> float:
        options = Options(language=language, beam=1, temperature=0.0)
        first, *_ = model.transcribe(normalise(dithered(make(), seed)), options)
        assert first.language_probability is not None
        return 1 - first.language_probability

    return Verdict(
        "another language is spoken", "probability of others", 1 - _LEAST_LIKELY_SPOKEN,
        _cases(partial(other, "fr"), SPOKEN), _cases(partial(other, "en"), SPOKEN),
    )  # fmt: skip


LOOPS = ("powerful, " * 9, "of the two " * 13, "It is very important, and " * 4)
RHETORIC = ("Ha " * 8, "thank you " * 4, "Four more years, " * 5, "So it goes. " * 3)
FOREIGN = ("Wo ist der Bahnhof?", "Le serveur ne répond plus", "Non capisco niente")
OWN = (("es", "He encontrado dos errores"), ("pt", "Quer continuar?"))
BY_TEXT = (
    Verdict(
        "a decoder loops", "rounds more than people say", 0.5,
        {text: partial(rounds, text) for text in LOOPS}, {text: partial(rounds, text) for text in RHETORIC},
    ),
    Verdict(
        "a text is not in its user's language", "more probable another one is", text_language._TIMES_MORE_PROBABLE,
        {text: partial(lead, "en", text) for text in FOREIGN}, {text: partial(lead, own, text) for own, text in OWN},
    ),
)  # fmt: skip
