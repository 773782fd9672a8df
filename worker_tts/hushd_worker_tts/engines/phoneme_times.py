"""From the times of phonemes to those of words."""

from __future__ import annotations

from collections.abc import Iterable


def word_marks(text: str, phonemes: Iterable[tuple[str, float]]) -> tuple[tuple[int, float], ...]:
    """Where and when the words of `text` begin, as `AudioChunk.marks`; none where the phonemes make another number of
    words of it, as espeak does with some small ones.

    `phonemes` come in order with the seconds at which they begin; spaces among them part the words.
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
