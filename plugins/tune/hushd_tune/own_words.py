"""The own words that would help a model: names of the sentences that it misheard, and that the rule of listening mends.

A name is taken if with it, and with those taken before it, a sentence is heard better and none worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hushd_worker_stt.engine import Segment
from hushd_worker_stt.own_words import MAX_OWN_WORDS, OwnWords, names

from .words import Normalise, compare


def helpful(sentences: Sequence[str], heard: Sequence[str], language: str, normalise: Normalise) -> list[str]:
    """Returns the names, in the order of the sentences.
    `heard`: what a model heard of each sentence."""
    taken: list[str] = []
    errors = _errors(sentences, heard, normalise)
    for name in dict.fromkeys(_misheard(sentences, heard, language, normalise)):
        own = OwnWords("\n".join([*taken, name]))
        mended = [own.mended(Segment(0.0, 1.0, text), language).text for text in heard]
        now = _errors(sentences, mended, normalise)
        if sum(now) < sum(errors) and all(after <= before for after, before in zip(now, errors, strict=True)):
            taken.append(name)
            errors = now
        if len(taken) == MAX_OWN_WORDS:
            break
    return taken


def _misheard(sentences: Sequence[str], heard: Sequence[str], language: str, normalise: Normalise) -> Iterator[str]:
    for sentence, text in zip(sentences, heard, strict=True):
        words = f" {normalise(text)} "
        for name in names(sentence, language):
            if f" {normalise(name)} " not in words:
                yield name


def _errors(sentences: Sequence[str], heard: Sequence[str], normalise: Normalise) -> list[int]:
    return [compare(sentence, text, normalise).errors for sentence, text in zip(sentences, heard, strict=True)]
