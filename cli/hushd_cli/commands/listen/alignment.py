"""Gives the words of a text the times at which they were heard in its recording. Pure.

The spoken form of the text is matched with the words heard: first by runs of words that occur once on either side, in
the order in which most of them agree (as patience diff does), then, between those, by difflib, whose time grows with
the product of the words. Elsewhere letters are matched, by the fewest edits, and a pause is divided by them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

from hushd.transcripts.cues import tokens
from hushd.transcripts.segment import Segment, Word

from .as_read import Sounding, sentences, soundings

_RUNS = (5, 3)  # words that occur once on either side, the longest first
_MAX_PAIRS = 100_000  # of words, compared by difflib at once
_FAR = 20  # words, and three times the other side's: what is further from both ends of a gap is not looked at
_SURE_RUN = 3  # words in a row; fewer may be equal by chance
_MAX_LETTER_PAIRS = 250_000  # pairs of letters, compared at once
_PASSAGE = 5  # words, from which on a part counts as not spoken, or as not in the text
_TIMES_MORE = 3  # words heard for those of the text, of which some are beside it
_LEAST_TIME = 0.5  # of the usual time, in which a part may have been spoken,
_SLACK_S = 0.3  # and so much less


class Passage(NamedTuple):
    """A part of the text that was not spoken, or of the speech that is not in the text; the seconds around it."""

    text: str
    start: float
    end: float


class Alignment(NamedTuple):
    """The text with times, and where text and speech differ.

    `likeness` is the share of the heard words that are in the text, in a row, from 0 to 1.
    """

    segments: tuple[Segment, ...]
    unspoken: tuple[Passage, ...]
    unwritten: tuple[Passage, ...]
    likeness: float


class _Stretch(NamedTuple):
    """Seconds, and the characters or letters that are spoken in them."""

    first: float
    last: float
    start: float
    end: float


def align(text: str, segments: Iterable[Segment], language: str) -> Alignment:
    """Returns a plain text with the times at which it was heard.

    Args:
        segments: of the recording, best with the times of their words.
        language: by which numbers and abbreviations are read.
    """
    heard = [word for segment in segments for word in _heard(segment, language)]
    read = list(sentences(text, language))
    sounds = [sounding for sentence in read for sounding in sentence.spoken]
    blocks = matches([each.letters for each in sounds], [each.letters for each, _ in heard])
    times, unspoken, unwritten = _times(sounds, heard, blocks)
    aligned: list[Segment] = []
    at = 0
    for sentence in read:
        spans = _parts(sentence.spoken)
        known = [_Stretch(*span, *time) for span, time in zip(spans, times[at : at + len(spans)], strict=True) if time]
        at += len(spans)
        words: list[Word] = []
        for first, last in sentence.words:
            if any(stretch.first < last and stretch.last > first for stretch in known):
                spoken = _within(known, first, last)
                words.append(Word(f" {' '.join(text[first:last].split())}", *(round(each, 3) for each in spoken)))
        if words:
            line = "".join(word.word for word in words).strip()
            aligned.append(Segment(len(aligned), words[0].start, words[-1].end, line, tuple(words)))
    return Alignment(
        tuple(aligned),
        tuple(
            Passage(" ".join(text[sounds[i].start : sounds[j - 1].end].split()), start, end)
            for (i, j), (start, end) in unspoken
        ),
        tuple(
            Passage(" ".join(each.letters for each, _ in heard[i:j]), heard[i][1][0], heard[j - 1][1][1])
            for i, j in unwritten
        ),
        sum(block[2] for block in blocks) / max(1, len(heard)),
    )


_Time = tuple[float, float]
_Heard = tuple[Sounding, _Time]
_Block = tuple[int, int, int]  # the first words of two equal runs, and their number


def _heard(segment: Segment, language: str) -> Iterator[_Heard]:
    """Yields the words spoken in a segment, with its seconds: `1984` is three words."""
    words = tokens(segment)  # each with the space before it, in which its time begins
    text = "".join(word.text for word in words)
    places = pairwise(accumulate((len(word.text) for word in words), initial=0))
    known = [_Stretch(*place, word.start, word.end) for place, word in zip(places, words, strict=True)]
    spoken = soundings(text, language)
    for sounding, part in zip(spoken, _parts(spoken), strict=True):
        yield sounding, _within(known, *part)


def _parts(spoken: Sequence[Sounding]) -> list[_Time]:
    """Returns the characters of each spoken word; words for the same characters share them by their letters."""
    parts: list[_Time] = []
    for (start, end), same in groupby(spoken, key=lambda each: (each.start, each.end)):
        sums = list(accumulate((len(each.letters) for each in same), initial=0))
        parts += pairwise(start + (end - start) * done / max(1, sums[-1]) for done in sums)
    return parts


def _within(known: Sequence[_Stretch], first: float, last: float) -> _Time:
    """Returns the seconds in which the characters `first` to `last` are spoken, which at least one stretch has."""
    begins = known[min(bisect_right(known, first, key=lambda stretch: stretch.last), len(known) - 1)]
    ends = known[max(bisect_left(known, last, key=lambda stretch: stretch.first) - 1, 0)]
    start = _at(begins, max(first, begins.first))
    return start, max(start, _at(ends, min(last, ends.last)))


def _at(stretch: _Stretch, position: float) -> float:
    share = (position - stretch.first) / ((stretch.last - stretch.first) or 1)
    return stretch.start + (stretch.end - stretch.start) * min(max(share, 0.0), 1.0)


# --- times ------------------------------------------------------------------------------------------------------------


def _times(
    sounds: Sequence[Sounding], heard: Sequence[_Heard], blocks: Sequence[_Block]
) -> tuple[list[_Time | None], list[tuple[tuple[int, int], _Time]], list[tuple[int, int]]]:
    """Returns the seconds of each word of the text, None of those that were not spoken; the parts of the text that were
    not spoken, each with the seconds around it; and the parts of the speech that are not in the text."""
    times: list[_Time | None] = [None] * len(sounds)
    unspoken, unwritten = [], []
    letter_s = sum(end - start for _, (start, end) in heard) / max(1, sum(len(each.letters) for each, _ in heard))
    ends = [(0, 0, 0), *blocks, (len(sounds), len(heard), 0)]
    for (i, j, length), (next_i, next_j, _) in pairwise(ends):
        for number in range(length):
            times[i + number] = heard[j + number][1]
        i, j = i + length, j + length
        sums = list(accumulate((len(each.letters) for each in sounds[i:next_i]), initial=0))
        usual_s = sums[-1] * letter_s
        start = heard[j - 1][1][1] if j else 0.0
        end = heard[next_j][1][0] if next_j < len(heard) else heard[-1][1][1] if heard else 0.0
        passed = next_i - i >= _PASSAGE and usual_s * _LEAST_TIME > end - start + _SLACK_S
        if passed:
            unspoken.append(((i, next_i), (start, end)))
        if next_j - j >= _PASSAGE and next_j - j > _TIMES_MORE * (next_i - i):
            unwritten.append((j, next_j))
        if i < next_i and not passed and heard:
            if j < next_j:
                times[i:next_i] = _instead(sounds[i:next_i], heard[j:next_j])
                continue
            # A pause: the words are near the one before, or at the beginning near the one after.
            start, end = (start, min(end, start + usual_s)) if j else (max(0.0, end - usual_s), end)
            pause = [_Stretch(0, max(1, sums[-1]), start, max(start, end))]
            times[i:next_i] = [_within(pause, *place) for place in pairwise(sums)]
    return times, unspoken, unwritten


def _instead(sounds: Sequence[Sounding], heard: Sequence[_Heard]) -> list[_Time]:
    """Returns the seconds of words for which others were heard, along the letters that both have."""
    sums, others = (
        list(accumulate((len(each.letters) for each in side), initial=0))
        for side in (sounds, [each for each, _ in heard])
    )
    places: Sequence[float] = [at * others[-1] / max(1, sums[-1]) for at in range(sums[-1] + 1)]
    if sums[-1] * others[-1] <= _MAX_LETTER_PAIRS:
        places = _edited("".join(each.letters for each in sounds), "".join(each.letters for each, _ in heard))
    known = [_Stretch(*place, *time) for place, (_, time) in zip(pairwise(others), heard, strict=True)]
    return [_within(known, places[first], max(places[last], places[first] + 0.5)) for first, last in pairwise(sums)]


def _edited(text: str, other: str) -> list[int]:
    """Returns the place in `other` of each place in `text`, by the fewest changed letters (Levenshtein)."""
    rows = [list(range(len(other) + 1))]
    for number, letter in enumerate(text, 1):
        above, row = rows[-1], [number]
        for left, (diagonal, up, each) in enumerate(zip(above, above[1:], other, strict=False)):
            row.append(min(up + 1, row[left] + 1, diagonal + (letter != each)))
        rows.append(row)
    i, j = len(text), len(other)
    places = [j] * (i + 1)
    while i:
        if j and rows[i][j] == rows[i - 1][j - 1] + (text[i - 1] != other[j - 1]):
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
        places[i] = j
    return places


# --- matches ----------------------------------------------------------------------------------------------------------


def matches(text: Sequence[str], speech: Sequence[str]) -> list[_Block]:
    """Returns the equal runs of words of a text and a speech, in their order, which are not equal by chance."""
    blocks: list[_Block] = []
    for i, j in _pairs(text, speech, (0, len(text)), (0, len(speech)), _RUNS):
        first, other, length = blocks[-1] if blocks else (0, 0, 0)
        if length and (i, j) == (first + length, other + length):
            blocks[-1] = first, other, length + 1
        else:
            blocks.append((i, j, 1))
    return [block for block in blocks if block[2] >= _SURE_RUN]


def _pairs(
    a: Sequence[str], b: Sequence[str], in_a: tuple[int, int], in_b: tuple[int, int], runs: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Yields the equal words between two places of either side, in their order."""
    (i, end_i), (j, end_j) = in_a, in_b
    if not runs or (end_i - i) * (end_j - j) <= _MAX_PAIRS:
        yield from _compared(a, b, in_a, in_b)
        return
    for next_i, next_j in _chain(_once(a, *in_a, runs[0]), _once(b, *in_b, runs[0])):
        if next_i >= i and next_j >= j:  # not within the last run
            yield from _pairs(a, b, (i, next_i), (j, next_j), runs[1:])
            i, j = next_i, next_j
            while i < end_i and j < end_j and a[i] == b[j]:
                yield i, j
                i, j = i + 1, j + 1
    yield from _pairs(a, b, (i, end_i), (j, end_j), runs[1:])


def _once(words: Sequence[str], start: int, end: int, length: int) -> dict[int, int]:
    """Returns the runs of so many words that occur once, by their hashes, with their places."""
    runs = [hash(tuple(words[at : at + length])) for at in range(start, end - length + 1)]
    counts = Counter(runs)
    return {run: start + at for at, run in enumerate(runs) if counts[run] == 1}


def _chain(text: Mapping[int, int], speech: Mapping[int, int]) -> list[tuple[int, int]]:
    """Returns the most places of the same runs that ascend on either side."""
    pairs = [(at, speech[run]) for run, at in text.items() if run in speech]
    tails: list[int] = []  # of the best chains by their length: the smallest last place in the speech
    chains: list[int] = []  # and which pair that is
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        before.append(chains[length - 1] if length else -1)
        tails[length : length + 1], chains[length : length + 1] = [j], [number]
    chain = []
    number = chains[-1] if chains else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _compared(
    a: Sequence[str], b: Sequence[str], in_a: tuple[int, int], in_b: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Yields the equal words as difflib finds them; of many those near the ends alone, since more would take long."""
    left, right = [*range(*in_a)], [*range(*in_b)]
    near = min(3 * min(len(left), len(right)), int(_MAX_PAIRS**0.5) // 2) + _FAR
    for numbers in (left, right):
        del numbers[near : max(near, len(numbers) - near)]
    matcher = SequenceMatcher(None, [a[i] for i in left], [b[j] for j in right], autojunk=False)
    for i, j, length in matcher.get_matching_blocks():
        yield from zip(left[i : i + length], right[j : j + length], strict=True)
