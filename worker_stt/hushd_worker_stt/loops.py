"""Removes loops: a decoder that has lost the speech repeats its last words up to the maximum length. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from hushd_protocol.light_dataclass import replace

from .engine import Segment
from .words import keys, split

LOOPED = (
    "The model lost the speech and repeated itself; the repetitions were cut, and the words spoken there are missing: "
    "take another model."
)
_MAX_WORDS = 16  # of a round that is repeated
_SEGMENTS = 4  # of the same text in a row; a refrain has as many
_LETTERS = 40  # of a part that is repeated inside a word
_LONG = 12  # letters of a word that is examined; shorter ones cannot contain a loop
_STOPS = (".", "?", "!", "…", "。", "？", "！")
_CUT = {1: 4}  # by words, the rounds that are a loop if the last one is cut off; otherwise three


def is_loop(segments: Sequence[Segment]) -> bool:
    """Returns whether the decoder has looped in `segments`."""
    return without_loops(segments) != list(segments)


def without_loops(segments: Sequence[Segment]) -> list[Segment]:
    """Returns `segments` with every loop reduced to one round."""
    unlooped: list[Segment] = []
    for _, same in groupby(map(_collapsed, segments), key=lambda segment: keys(split(segment.text))):
        run = list(same)
        unlooped += run if len(run) <= _SEGMENTS else [run[0]]
    return unlooped


def _collapsed(segment: Segment) -> Segment:
    cut = not segment.text.rstrip().endswith(_STOPS)
    words = split(segment.text)
    numbers = _without_repeats(keys(words), _most, _MAX_WORDS, cut)
    text = "".join(_unstuck(words[number], cut and number == len(words) - 1) for number in numbers).strip()
    if text == segment.text.strip():
        return segment
    timed = _without_repeats(keys([word.text for word in segment.words]), _most, _MAX_WORDS, cut)
    last = len(segment.words) - 1
    times = (
        replace(word, text=_unstuck(word.text, cut and number == last))
        for number in timed
        for word in (segment.words[number],)
    )
    return replace(segment, text=text, words=tuple(times))


def _unstuck(word: str, cut: bool) -> str:
    """Returns `word`, or if it repeats a part, as `https/https/https/` does, the part once."""
    if len(word) < _LONG or not any(map(str.isalpha, word)):  # a number may have many zeros
        return word
    numbers = _without_repeats(list(word.casefold()), _most_letters, _LETTERS, cut)
    return "".join(word[number] for number in numbers)


def _without_repeats(units: Sequence[str], most: Callable[[int], int], longest: int, cut: bool) -> list[int]:
    """Returns the numbers of the words or letters to keep: of a loop, those of its first round.

    Args:
        most: returns the maximum rounds of a number of units that are not a loop.
        longest: the maximum number of units in a round.
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
    """Returns the number of units that repeat at `at`, and of their rounds; (1, 1) if there is no loop."""
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
    """Returns whether the round at `at` neither joins the end and beginning of two others, nor consists of smaller
    ones."""
    round_ = list(units[at : at + width])
    smaller = (round_[:part] * (width // part) == round_ for part in range(1, width // 2 + 1) if width % part == 0)
    return (at == 0 or units[at - 1] != round_[-1]) and not any(smaller)


def _most(width: int) -> int:
    """Returns the maximum rounds of `width` words that people say: "no" eight times, "thank you" six, a sentence
    three."""
    return 8 if width == 1 else 6 if width <= 3 else 3


def _most_letters(width: int) -> int:
    """Returns the maximum rounds of `width` letters that people say without a pause: laughter, and "blah-blah-blah"."""
    return 16 if width <= 3 else 4


def _begins(round_: Sequence[str], rest: Sequence[str]) -> bool:
    """Returns whether `rest` is an incomplete beginning of `round_`; its last unit may be cut off."""
    if not rest or len(rest) > len(round_) or list(rest) == list(round_):
        return False
    *whole, last = rest
    return list(round_[: len(whole)]) == whole and last != "" and round_[len(whole)].startswith(last)
