"""The word error rate, for tests and scripts."""

from __future__ import annotations

import re

import jiwer

BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
    "before us, we were all going direct to Heaven, we were all going direct the other way – in short, the period "
    "was so far like the present period, that some of its noisiest authorities insisted on its being received, for "
    "good or for evil, in the superlative degree of comparison only."
)
FIRST_HALF = TWO_CITIES[: TWO_CITIES.index(", we were all going")]  # what is read in the recording's first 24 s


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation."""
    return re.findall(r"[^\W_]+", re.sub(r"['’]", "", text.lower()))


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Words to insert, delete or replace in `hypothesis` to make `reference`, per word of `reference`."""
    return jiwer.wer(*(" ".join(words(text)) for text in (reference, hypothesis)))
