"""Loops: a decoder that has lost the speech repeats its last words until its text is as long as it may be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from hushd_protocol.light_dataclass import replace

from .engine import Segment
from .words import keys, split

LOOPED = (
    "The model lost the speech and repeated itself; the repetitions were cut, and what was said there is missing: "
    "take another model."
)
_LONGEST = 16  # words that are repeated
_SEGMENTS = 4  # of the same text in a row; a refrain has as many
_LETTERS = 40  # that are repeated within a word
_LONG = 12  # letters of a word that is looked into; shorter ones cannot hold a loop
_STOPS = (".", "?", "!", "…", "。", "？", "！")
_CUT = {1: 4}  # rounds of so many words, else three, that are a loop where the last one is cut off


def is_loop(segments: Sequence[Segment]) -> bool:
    """Returns whether the decoder has looped in `segments`."""
    return without_loops(segments) != list(segments)


def without_loops(segments: Sequence[Segment]) -> list[Segment]:
    """`segments` with every loop cut down to the words that it repeats."""
    unlooped: list[Segment] = []
    for _, same in groupby(map(_collapsed, segments), key=lambda segment: keys(split(segment.text))):
        run = list(same)
        unlooped += run if len(run) <= _SEGMENTS else [run[0]]
    return unlooped


def _collapsed(segment: Segment) -> Segment:
    cut = not segment.text.rstrip().endswith(_STOPS)
    words = split(segment.text)
    numbers = _without_repeats(keys(words), _most, _LONGEST, cut)
    text = "".join(_unstuck(words[number], cut and number == len(words) - 1) for number in numbers).strip()
    if text == segment.text.strip():
        return segment
    timed = _without_repeats(keys([word.text for word in segment.words]), _most, _LONGEST, cut)
    last = len(segment.words) - 1
    times = (
        replace(word, text=_unstuck(word.text, cut and number == last))
        for number in timed
        for word in (segment.words[number],)
    )
    return replace(segment, text=text, words=tuple(times))


def _unstuck(word: str, cut: bool) -> str:
    """`word`, or where it repeats a part of itself, such as `https/https/https/`, that part once."""
    if len(word) < _LONG or not any(map(str.isalpha, word)):  # zeros are a number
        return word
    numbers = _without_repeats(list(word.casefold()), _most_letters, _LETTERS, cut)
    return "".join(word[number] for number in numbers)


def _without_repeats(units: Sequence[str], most: Callable[[int], int], longest: int, cut: bool) -> list[int]:
    """The numbers of the words or letters that stay: of a loop, those of its first round.

    Args:
        most: the most rounds of so many units that are not a loop.
        longest: units that are repeated.
        cut: whether the text ends without a full stop, so that a last round may have been cut off.
    """
    numbers: list[int] = []
    at = 0
    while at < len(units):
        width, rounds = _loop(units, at, most, longest, cut)
        numbers += range(at, at + width)
        round_ = units[at : at + width]
        at += width * rounds
        if rounds > 1 and _begins(round_, units[at:]):
            break  # the last round, cut off
    return numbers


def _loop(units: Sequence[str], at: int, most: Callable[[int], int], longest: int, cut: bool) -> tuple[int, int]:
    """The number of units that repeat at `at`, and of their rounds; (1, 1) where there is no loop."""
    for width in range(1, min(longest, (len(units) - at) // 2) + 1):
        round_, rounds = units[at : at + width], 1
        while units[at + rounds * width : at + (rounds + 1) * width] == round_:
            rounds += 1
        if rounds > most(width):
            return width, rounds
        rest = units[at + rounds * width :]
        if cut and _CUT.get(width, 3) <= rounds and _begins(round_, rest) and _whole(units, at, width):
            return width, rounds
    return 1, 1


def _whole(units: Sequence[str], at: int, width: int) -> bool:
    """Returns whether the round at `at` neither joins two others, end to beginning, nor is made of smaller ones."""
    round_ = list(units[at : at + width])
    smaller = (round_[:part] * (width // part) == round_ for part in range(1, width // 2 + 1) if width % part == 0)
    return (at == 0 or units[at - 1] != round_[-1]) and not any(smaller)


def _most(width: int) -> int:
    """The most rounds of `width` words that people say: "no" eight times, "thank you" six, a sentence three."""
    return 8 if width == 1 else 6 if width <= 3 else 3


def _most_letters(width: int) -> int:
    """The most rounds of `width` letters that people say without a pause: laughter, and "blah-blah-blah"."""
    return 16 if width <= 3 else 4


def _begins(round_: Sequence[str], rest: Sequence[str]) -> bool:
    """Returns whether `rest` is the beginning of `round_`, and not all of it; its last unit may be cut off."""
    if not rest or len(rest) > len(round_) or list(rest) == list(round_):
        return False
    *whole, last = rest
    return list(round_[: len(whole)]) == whole and last != "" and round_[len(whole)].startswith(last)
