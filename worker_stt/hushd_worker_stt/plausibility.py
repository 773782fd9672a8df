"""Measures whether a model knows the language of a recording: the share of words that differ when it reads the same
speech again, slightly changed.

A model that does not know the language writes fluent sentences of its own, and different ones each time. The changes
are a third of a second of silence before the speech, half a tone up or down, and a whole tone up; first only the
beginning is read again, which nearly always agrees in a known language. A text of which more than a third differs is
unlikely: of 8 English recordings of people none was, of 20 in other languages all were (docs/BENCHMARKS.md); the
thresholds were chosen on half of them. Where hardly more differs, a model that can tell how sure it is
(`Engine.rating`) must be unsure as well. Noise and sound that is cut off are read differently each time, too.

A few words, or less than two seconds, tell nothing: a model is unsure of what it hears to the word, and often sure of
what it invents. They are never marked; at most another model hears them (`Plausibility.doubtful`). Whoever names a
language is believed.

Whisper's models are too slow to read twice, and say what they know (`invented`): a model of many languages which one is
spoken, and one of English alone how probable its words are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import soxr
from hushd_models import languages
from hushd_schema.results import Stretch

from .engine import RATE, Rating, Samples, Segment
from .segmentation.pieces import quietest
from .segmentation.vad import FRAME
from .wording import keys, split

if TYPE_CHECKING:
    from hushd_worker.job import Job


_SILENCE_BEFORE_READING_S = 0.35  # seconds of silence before a reading
_LOOKS_S = ((1.6, 2.6), (3.5, 5.0))  # the lengths of first readings, each cut at the quietest place
_FEW_WORDS = 3  # words of a first reading, all of which must agree
_MIN_AGREEING_LETTERS = 8  # letters of words that cannot agree by accident
_SAME = 0.15  # share of the words that may differ in readings that agree
_OTHER = 0.32  # share of the words that differ in all readings of another language
# Share of those that differ in no language of which the model is sure: of passages of `scripts/bench short` with more
# than `_OTHER` that had figures of -0.4 and more, 0.38 in English and 0.89 in another language on the first half, 0.33
# and 0.76 on the other.
_SURELY_OTHER = 0.6
_ENOUGH = 2  # readings that can prove agreement
_MIN_JUDGED_WORDS = 5  # words of a piece long enough to be judged
_MIN_JUDGED_S = 2.4  # seconds of a piece long enough to be judged: two of speech, with the quiet kept around them
_PIECES_TRUSTED = 5  # pieces in the same voice that are not read again after readings that agree
_SPECTRUM = 512  # samples of a spectrum
_BANDS = np.geomspace(120, 7000, 21)  # Hz, between 20 bands
# Successive pieces of one reader differ by 1.8 to 2.4 dB; of 300 pairs of 25 people, 298 by 3.0 or more.
_ALIKE_DB = 2.7
# The share of samples that are almost as loud as the loudest hundredth: 2 % in speech, 4 % in noise.
_CLIPPED = 0.08
_NEARLY = 0.8
_LEAST_SURE = -0.4  # the mean log probability of words that are unsure where their readings differ a little
# Share of the letters of a few words that is the same, read again half a tone up and down, of those that no other model
# need hear: of 58 short clips in other languages 3 had more, of 92 English commands 85 (docs/BENCHMARKS.md).
_ALIKE = 0.92
# Measured with published weights (docs/BENCHMARKS.md): a language that was spoken had 0.48 and more, English for others
# 0.006 at most; words of English were improbable by 0.60 at most, those that tiny.en invented by 0.89 at least.
_LEAST_LIKELY_SPOKEN = 0.05
_IMPROBABLE = 0.75
_UNLIKELY = (
    "{stretch} is probably not the spoken text: the model knows {language} only, and is unsure of its own words."
)
_NOT_SPOKEN = (
    "{stretch} is probably not the spoken text: it was read as {language}, and the model hears another language: "
    "name the one that is spoken."
)


class Plausibility:
    """Judges the pieces of a recording, one after another.

    A piece is read again if its language may differ from the one before: the first piece, a piece that sounds like
    another person or another microphone, and every sixth. So one language in one voice takes hardly any time.

    Args:
        read: transcribes samples again.
        rating: as `Engine.rating`.
    """

    def __init__(self, read: Callable[[Samples], str], rating: Callable[[], Rating | None] = lambda: None) -> None:
        self._read = read
        self._rating = rating
        self._verdicts: dict[bool, Timbre] = {}  # the timbres of the last unlikely piece and the last likely one
        self._unread = 0  # pieces since the last one that was read again

    def unlikely(self, samples: Samples, text: str) -> bool:
        """Returns whether the `text`, a first reading of a piece's `samples`, is probably not the speech."""
        if not long_enough(text, samples):
            return False
        first, timbre = keys(split(text)), Timbre.of(samples)
        if self._unread < _PIECES_TRUSTED and False in self._verdicts and self._verdicts[False].resembles(timbre):
            self._unread += 1
            return False
        if is_clipped(samples):  # it is read differently each time, too
            return False
        self._unread = 0
        verdict = not self._agrees_at_first(samples, first) and (
            (True in self._verdicts and self._verdicts[True].resembles(timbre))
            or self._is_other(samples, self._differing(samples, first))
        )
        self._verdicts[verdict] = timbre
        return verdict

    def doubtful(self, samples: Samples, text: str) -> bool:
        """Returns whether another model should hear a piece that is too short to be judged."""
        if long_enough(text, samples) or not (first := keys(split(text))) or is_clipped(samples):
            return False
        return self._likeness(samples, first) < _ALIKE

    @cached_property
    def _rate(self) -> Rating | None:
        return self._rating()

    def _is_other(self, samples: Samples, differing: float) -> bool:
        """Returns whether a piece is in another language, by the share of words that differ, and in doubt by how sure
        the model is of them."""
        if not _OTHER < differing <= _SURELY_OTHER:
            return differing > _OTHER
        return self._rate is None or self._rate(samples) < _LEAST_SURE

    def _agrees_at_first(self, samples: Samples, first: Sequence[str]) -> bool:
        """Returns whether a reading of only the beginning agrees, which is nearly always enough for a known
        language."""
        for shortest, longest in _LOOKS_S:
            words = keys(split(self._read(_higher(_beginning(samples, shortest, longest)))))
            allowed = _SAME * len(words) if len(words) >= _FEW_WORDS else -1
            if _begins(words, first) or differences(words, first, anywhere=True) <= allowed:
                return True
        return False

    def _likeness(self, samples: Samples, first: Sequence[str]) -> float:
        """Returns how much of the letters of a few words is the same in two other readings, from 0 to 1."""
        others = (" ".join(keys(split(self._read(change(samples))))) for change in (_higher, _lower))
        return sum(SequenceMatcher(None, " ".join(first), each).ratio() for each in others) / 2

    def _differing(self, samples: Samples, first: Sequence[str]) -> float:
        """Returns the share of words that differ in other readings of a piece."""
        errors = count = 0
        for number, change in enumerate(_CHANGES, 1):
            words = keys(split(self._read(change(samples))))
            errors += differences(words, first)
            count += max(len(words), len(first))
            if number >= _ENOUGH and errors <= _SAME * count:
                break
            if errors > _OTHER * (count + (len(_CHANGES) - number) * len(first)):
                break  # whatever the other readings are
        return errors / count


def invented(segments: Sequence[Segment], samples: Samples, *, alone: bool) -> bool:
    """Returns whether the text of a piece is probably not the speech, by the figures of the model itself.
    `alone`: whether the model knows no other language."""
    if not long_enough(" ".join(segment.text for segment in segments), samples):
        return False
    if not alone:
        return any(
            s.language_probability is not None and s.language_probability < _LEAST_LIKELY_SPOKEN for s in segments
        )
    return improbability(segments) > _IMPROBABLE


def improbability(segments: Sequence[Segment]) -> float:
    """Returns how improbable the words of a piece are: the mean of their negative log probabilities, by letters, less
    what chance makes of few words; 0 if the model has no figure."""
    letters = sum(len(segment.text) for segment in segments)
    words = sum(len(split(segment.text)) for segment in segments)
    total = sum(-(segment.log_probability or 0.0) * len(segment.text) for segment in segments)
    return total / max(1, letters) - 1 / max(1, words)


def long_enough(text: str, samples: Samples) -> bool:
    """Returns whether a piece has enough words, and sound, to be judged by them."""
    return len(samples) >= _MIN_JUDGED_S * RATE and len(split(text)) >= _MIN_JUDGED_WORDS


def differences(words: Sequence[str], others: Sequence[str], *, anywhere: bool = False) -> int:
    """Returns the fewest insertions, deletions and replacements of words to turn `others`, or any part of them if
    `anywhere`, into `words`."""
    costs = [0] * (len(others) + 1) if anywhere else list(range(len(others) + 1))
    for number, word in enumerate(words, 1):
        before, costs = costs, [number]
        for index, other in enumerate(others):
            costs.append(min(before[index + 1] + 1, costs[-1] + 1, before[index] + (word != other)))
    return min(costs) if anywhere else costs[-1]


def _later(samples: Samples) -> Samples:
    return np.concatenate((np.zeros(round(_SILENCE_BEFORE_READING_S * RATE), np.float32), samples))


def _at_speed(factor: float) -> Callable[[Samples], Samples]:
    def changed(samples: Samples) -> Samples:
        result: Samples = soxr.resample(samples, RATE * factor, RATE)
        return result

    return changed


def _begins(words: Sequence[str], others: Sequence[str]) -> bool:
    """Returns whether `others` begin with `words`, if these are long enough; the last of more than a few may be cut
    off."""
    certain = words if len(words) <= _FEW_WORDS else words[:-1]
    return sum(map(len, certain)) >= _MIN_AGREEING_LETTERS and list(others[: len(certain)]) == list(certain)


def _beginning(samples: Samples, shortest: float, longest: float) -> Samples:
    first, last = (round(seconds * RATE / FRAME) for seconds in (shortest, longest))
    if len(samples) <= last * FRAME:
        return samples
    energies = np.square(samples[first * FRAME : last * FRAME].reshape(-1, FRAME)).sum(axis=1)
    return samples[: (first + quietest(energies, 9)) * FRAME]


# Half a tone up and down, and a whole tone up.
_higher = _at_speed(1.06)  # beginnings, too, are read so: some invented ones are read alike after silence
_lower = _at_speed(1 / 1.06)
_CHANGES: tuple[Callable[[Samples], Samples], ...] = (_later, _higher, _lower, _at_speed(1.12))


class Timbre:
    """The mean spectrum of the louder half of speech, independent of its level; takes 0.2 ms per second."""

    def __init__(self, bands_db: Samples) -> None:
        self._bands_db = bands_db

    @classmethod
    def of(cls, samples: Samples) -> Timbre:
        windows = samples[: len(samples) // _SPECTRUM * _SPECTRUM].reshape(-1, _SPECTRUM) * np.hanning(_SPECTRUM)
        powers = np.abs(np.fft.rfft(windows)) ** 2
        energy = powers.sum(axis=1)
        spectrum = powers[energy >= np.sort(energy)[len(energy) // 2]].mean(axis=0)
        firsts = np.searchsorted(np.fft.rfftfreq(_SPECTRUM, 1 / RATE), _BANDS)
        bands = np.array([spectrum[low:high].mean() for low, high in pairwise(firsts)])
        decibels = 10 * np.log10(bands + 1e-12)
        return cls(decibels - decibels.mean())

    def resembles(self, other: Timbre) -> bool:
        """Returns whether both may be of the same person in the same place."""
        return bool(np.sqrt(np.mean((self._bands_db - other._bands_db) ** 2)) < _ALIKE_DB)


def is_clipped(samples: Samples) -> bool:
    """Returns whether `samples` were recorded far too loud and cut off at full scale, even if they were resampled
    later."""
    loudness, rank = np.abs(samples), len(samples) * 99 // 100
    return bool(np.mean(loudness >= _NEARLY * np.partition(loudness, rank)[rank]) > _CLIPPED)


class UnlikelyText:
    """Collects the verdicts on the pieces or utterances of a job, in order, for its result and its warning."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []
        self._doubted = False  # whether the last verdict was that the text is unlikely
        self._plausible = False  # whether any verdict was another

    def add(self, start: float, end: float, unlikely: bool) -> None:
        """Adds the verdict on the text from `start` to `end`, in seconds."""
        if unlikely and self._doubted:
            self._spans[-1] = (self._spans[-1][0], end)
        elif unlikely:
            self._spans.append((start, end))
        self._doubted, self._plausible = unlikely, self._plausible or not unlikely

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Returns the stretches with unlikely text, adjacent ones as one."""
        return tuple(Stretch(start=round(start, 3), end=round(end, 3)) for start, end in self._spans)

    def warn(self, job: Job, language: str, *, alone: bool = True) -> None:
        """Warns of them, if there are any; `language` is the one that was read, `alone` whether the model knows no
        other."""
        if not self._spans:
            return
        (start, end), *others = self._spans
        where = f"The text from {start:.0f} s to {end:.0f} s" if self._plausible else "This"
        also = f" (and of {len(others)} more {'stretch' if len(others) == 1 else 'stretches'})" if others else ""
        sentence = _UNLIKELY if alone else _NOT_SPOKEN
        warning = sentence.format(stretch=where + also, language=languages.name(language))
        if alone:
            from hushd_models.choice import recommendation  # noqa: PLC0415 - 10 ms, where something is wrong

            warning += f" {recommendation.for_others(job.params.get('languages', ()))}"
        job.warn("unlikely_text", warning)
