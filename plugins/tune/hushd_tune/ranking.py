"""The order of models by the words that they heard wrongly, how sure it is, and the choice among them. Pure.

All models hear the same sentences, so they are compared by a paired bootstrap: sentences are drawn with replacement,
the same for each model, and a difference is chance unless it has one sign in 97.5 % of the draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

# A model that is better in each of 5 sentences may be so by chance (1 in 16, both ways).
MIN_SENTENCES = 6
DRAWS = 2000
_SEED = 20
_TAIL_SHARE = 0.025  # share of the draws on either side of a 95 % interval
_NONE_WRONG = 3  # errors that there may still be where none was seen (the rule of three): draws show no error

BEST, EQUAL, CHANCE, WORSE = "best", "equal", "chance", "worse"


@dataclass(frozen=True, slots=True)
class Heard:
    """One model's work on the sentences.

    Attributes:
        errors: wrong, missing and added words, by sentence.
        speed: seconds of audio per second of work.
        first_s: the median time to the first text of a sentence.
    """

    model: str
    errors: tuple[int, ...]
    speed: float
    first_s: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Place:
    """A model's place in the order.

    Attributes:
        rate: word error rate; `low` and `high` bound its 95 % interval.
        verdict: `best`; or the difference to the best: `equal` in every sentence, `chance`, or `worse`. Empty where
            there are too few sentences to say.
    """

    heard: Heard
    rate: float
    low: float
    high: float
    verdict: str


def ranked(words: Sequence[int], models: Sequence[Heard]) -> list[Place]:
    """Returns the models, those with the fewest errors first; equal ones by memory, then by speed.
    `words`: the number of words of each sentence, of which none is 0."""
    order = sorted(models, key=lambda heard: (sum(heard.errors), heard.memory_mb, -heard.speed, heard.model))
    drawn = list(_draws(len(words)))
    total = [sum(words[sentence] for sentence in draw) for draw in drawn]
    places = []
    for heard in order:
        rates = [sum(map(heard.errors.__getitem__, draw)) / n for draw, n in zip(drawn, total, strict=True)]
        low, high = _interval(rates)
        if not any(heard.errors):
            high = min(1.0, _NONE_WRONG / sum(words))
        verdict = _verdict(order[0], heard, drawn, total) if len(words) >= MIN_SENTENCES else ""
        places.append(Place(heard, sum(heard.errors) / sum(words), low, high, verdict))
    return places


def chosen(words: Sequence[int], models: Sequence[Heard], present: str) -> Place | None:
    """Returns the model to use: the best of those that keep up with speech, or the present one if it differs from that
    by chance; None where there are too few sentences, or no model keeps up."""
    able = [heard for heard in models if heard.speed >= 1]
    if not able or len(words) < MIN_SENTENCES:
        return None
    good = [place for place in ranked(words, able) if place.verdict != WORSE]
    return next((place for place in good if place.heard.model == present), good[0])


def _draws(sentences: int) -> Iterator[list[int]]:
    random = Random(_SEED)
    for _ in range(DRAWS):
        yield random.choices(range(sentences), k=sentences)


def _verdict(best: Heard, other: Heard, drawn: Sequence[Sequence[int]], total: Sequence[int]) -> str:
    if other is best:
        return BEST
    differences = [theirs - ours for theirs, ours in zip(other.errors, best.errors, strict=True)]
    if not any(differences):
        return EQUAL
    low, _ = _interval([sum(map(differences.__getitem__, draw)) / n for draw, n in zip(drawn, total, strict=True)])
    return WORSE if low > 0 else CHANCE


def _interval(values: list[float]) -> tuple[float, float]:
    values.sort()
    return values[int(_TAIL_SHARE * len(values))], values[-1 - int(_TAIL_SHARE * len(values))]
