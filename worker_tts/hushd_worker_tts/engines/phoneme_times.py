"""Derives word times from phoneme times."""

from __future__ import annotations

from collections.abc import Iterable


def word_marks(text: str, phonemes: Iterable[tuple[str, float]]) -> tuple[tuple[int, float], ...]:
    """Returns the offsets and times of the words in `text`, as `AudioChunk.marks`.

    Returns none if the phonemes have a different number of words, since espeak joins some small ones.

    Args:
        phonemes: the phonemes in order, with their starts in seconds; spaces separate words.
    """
    starts: list[float] = []
    inside = False
    for phoneme, seconds in phonemes:
        if phoneme.isspace():
            inside = False
        elif not inside and phoneme.isalpha():
            starts.append(seconds)
            inside = True
    places: list[int] = []
    end = 0
    for word in text.split():
        place = text.index(word, end)
        end = place + len(word)
        if any(c.isalnum() for c in word):
            places.append(place)
    return tuple(zip(places, starts, strict=True)) if len(places) == len(starts) else ()
