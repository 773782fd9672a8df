"""Loops: a decoder that has lost the speech repeats its last words until its text is as long as it may be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from .engine import Segment
from .words import keys, split

_LONGEST = 16  # words that are repeated
_SEGMENTS = 4  # of the same text in a row; a refrain has as many


def is_loop(segments: Sequence[Segment]) -> bool:
    """Whether the decoder has looped in `segments`."""
    return without_loops(segments) != list(segments)


def without_loops(segments: Sequence[Segment]) -> list[Segment]:
    """`segments` with every loop cut down to the words that it repeats."""
    found: list[Segment] = []
    for _, same in groupby(map(_collapsed, segments), key=lambda segment: keys(split(segment.text))):
        run = list(same)
        found += run if len(run) <= _SEGMENTS else [run[0]]
    return found


def _collapsed(segment: Segment) -> Segment:
    words = split(segment.text)
    kept = _kept(keys(words))
    if len(kept) == len(words):
        return segment
    timed = _kept(keys([word.text for word in segment.words]))
    text = "".join(words[number] for number in kept).strip()
    return replace(segment, text=text, words=tuple(segment.words[number] for number in timed))


def _kept(words: Sequence[str]) -> list[int]:
    """The numbers of the words that stay: of a loop, those of its first round."""
    kept: list[int] = []
    at = 0
    while at < len(words):
        width, rounds = _loop(words, at)
        kept += range(at, at + width)
        round_ = words[at : at + width]
        at += width * rounds
        rest = words[at:]
        if rounds > 1 and rest and len(rest) < width and _begins(round_, rest):
            break  # the last round, cut off
    return kept


def _loop(words: Sequence[str], at: int) -> tuple[int, int]:
    """The number of words that repeat at `at`, and of their rounds; (1, 1) where there is no loop."""
    for width in range(1, min(_LONGEST, (len(words) - at) // 2) + 1):
        round_, rounds = words[at : at + width], 1
        while words[at + rounds * width : at + (rounds + 1) * width] == round_:
            rounds += 1
        if rounds > _most(width):
            return width, rounds
    return 1, 1


def _most(width: int) -> int:
    """The most rounds of `width` words that people say: "no" eight times, "thank you" six, a sentence three."""
    return 8 if width == 1 else 6 if width <= 3 else 3


def _begins(round_: Sequence[str], rest: Sequence[str]) -> bool:
    """Whether `rest` is the beginning of `round_`; its last word may be cut off."""
    *whole, last = rest
    return list(round_[: len(whole)]) == whole and round_[len(whole)].startswith(last)
