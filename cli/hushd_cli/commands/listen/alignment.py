"""Gives the words of a text the times at which they were heard in its recording. Pure.

The spoken form of the text is matched with the words heard: by difflib where three or more in a row are equal, and
between those by letters, by the fewest edits. Where the model left speech out, between two words that are more than a
second apart, as many letters are taken to be spoken as that time has room for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, groupby, islice, pairwise
from typing import NamedTuple

from hushd.transcripts.cues import tokens
from hushd.transcripts.segment import Segment, Word

from .as_read import Sounding, sentences, soundings

_SURE_RUN = 3  # words in a row; fewer may be equal by chance
_MAX_LETTER_PAIRS = 1_000_000  # pairs of letters, compared at once
_PASSAGE = 5  # words, from which on a part counts as not spoken, or as not in the text
_TIMES_MORE = 3  # words heard for those of the text, of which some are beside it
_LEAST_TIME = 0.5  # share of the usual time in which a part may have been spoken,
_SLACK_S = 0.3  # seconds that this time may be shorter, besides
_UNKNOWN = "?"  # a letter that was not heard
_PAUSE_S = 1.0  # seconds between words in which nothing is spoken


class Passage(NamedTuple):
    """A part of the text that was not spoken, or of the speech that is not in the text; the seconds around it."""

    text: str
    start: float
    end: float


class Placed(NamedTuple):
    """A spoken word: its letters, its characters in the text, the seconds in which it is spoken, None where it is not,
    and whether it was heard as it is written, amid others."""

    letters: str
    first: int
    last: int
    times: tuple[float, float] | None
    sure: bool


class Alignment(NamedTuple):
    """The text with times, where it differs from the speech, and which share of the heard words is in it, in a row;
    where none is, which share of the letters of the shorter one is in the other; all words of the text, and those heard
    with their seconds."""

    segments: tuple[Segment, ...]
    unspoken: tuple[Passage, ...]
    unwritten: tuple[Passage, ...]
    likeness: float
    letters: float
    words: tuple[Placed, ...] = ()
    heard: tuple[tuple[Sounding, tuple[float, float]], ...] = ()


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
    sounds = [sounding for _, spoken in read for sounding in spoken]
    blocks = matches([each.letters for each in sounds], [each.letters for each, _ in heard])
    times, unspoken, unwritten = _times(text, sounds, heard, blocks)
    rest = iter(times)
    aligned: list[Segment] = []
    for places, spoken in read:
        spans = _parts(spoken)
        known = [_Stretch(*span, *time) for span, time in zip(spans, islice(rest, len(spans)), strict=True) if time]
        words = [
            Word(f" {' '.join(text[first:last].split())}", *(round(each, 3) for each in _within(known, first, last)))
            for first, last in places
            if any(stretch.first < last and stretch.last > first for stretch in known)
        ]
        if words:
            line = "".join(word.word for word in words).strip()
            aligned.append(Segment(len(aligned), words[0].start, words[-1].end, line, tuple(words)))
    likeness = sum(block[2] for block in blocks) / max(1, len(heard))
    letters = 1.0 if blocks else _letters_alike(sounds, heard)
    sure = {i + n for i, _, length in blocks for n in range(length)}
    placed = (Placed(*each, times[n], n in sure) for n, each in enumerate(sounds))
    return Alignment(tuple(aligned), tuple(unspoken), tuple(unwritten), likeness, letters, tuple(placed), tuple(heard))


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
        sums = _letters(same)
        parts += pairwise(start + (end - start) * done / max(1, sums[-1]) for done in sums)
    return parts


def _letters(spoken: Iterable[Sounding]) -> list[int]:
    """Returns the number of letters before each word, and that of all."""
    return list(accumulate((len(each.letters) for each in spoken), initial=0))


def _within(known: Sequence[_Stretch], first: float, last: float) -> _Time:
    """Returns the seconds in which the characters `first` to `last` are spoken, which at least one stretch has."""
    begins = known[min(bisect_right(known, first, key=lambda stretch: stretch.last), len(known) - 1)]
    ends = known[max(bisect_left(known, last, key=lambda stretch: stretch.first) - 1, 0)]
    start = _at(begins, max(first, begins.first))
    return start, max(start, _at(ends, min(last, ends.last)))


def _at(stretch: _Stretch, position: float) -> float:
    share = (position - stretch.first) / ((stretch.last - stretch.first) or 1)
    return stretch.start + (stretch.end - stretch.start) * min(max(share, 0.0), 1.0)


def _times(
    text: str, sounds: Sequence[Sounding], heard: Sequence[_Heard], blocks: Sequence[_Block]
) -> tuple[list[_Time | None], list[Passage], list[Passage]]:
    """Returns the seconds of each word of the text, None of those that were not spoken; the parts of the text that were
    not spoken; and the parts of the speech that are not in the text."""
    times: list[_Time | None] = [None] * len(sounds)
    unspoken, unwritten = [], []
    letter_s = sum(end - start for _, (start, end) in heard) / max(1, _letters(each for each, _ in heard)[-1]) or 1
    for (i, j, length), (next_i, next_j, _) in pairwise([(0, 0, 0), *blocks, (len(sounds), len(heard), 0)]):
        times[i : i + length] = [time for _, time in heard[j : j + length]]
        i, j = i + length, j + length
        start = heard[j - 1][1][1] if j else 0.0
        end = heard[next_j][1][0] if next_j < len(heard) else heard[-1][1][1] if heard else 0.0
        between, others = sounds[i:next_i], heard[j:next_j]
        sums = _letters(between)
        usual_s = sums[-1] * letter_s
        if len(others) >= _PASSAGE and len(others) > _TIMES_MORE * len(between):
            speech = " ".join(each.letters for each, _ in others)
            unwritten.append(Passage(speech, others[0][1][0], others[-1][1][1]))
        if len(between) >= _PASSAGE and usual_s * _LEAST_TIME > end - start + _SLACK_S:
            unspoken.append(Passage(" ".join(text[between[0].start : between[-1].end].split()), start, end))
        elif others:
            times[i:next_i] = _instead(between, others, (start, end), letter_s)
        elif between and heard:  # the place is a pause
            spare_s = max(0.0, end - start - usual_s)
            start += min(spare_s, _PAUSE_S) / 2 if j else spare_s
            pause = [_Stretch(0, max(1, sums[-1]), start, min(end, start + usual_s))]
            times[i:next_i] = [_within(pause, *place) for place in pairwise(sums)]
    return times, unspoken, unwritten


def _instead(sounds: Sequence[Sounding], heard: Sequence[_Heard], around: _Time, letter_s: float) -> list[_Time]:
    """Returns the seconds of words for which others were heard, along the letters that both have.
    What the model left out has letters, too: as many as are usually spoken in the seconds between two words."""
    known, other, at = list[_Stretch](), "", around[0]
    for letters, start, end in (*((each.letters, *time) for each, time in heard), ("", around[1], around[1])):
        left_out = _UNKNOWN * round((start - at - _PAUSE_S) / letter_s)
        if left_out:
            known.append(_Stretch(len(other), len(other + left_out), at + _PAUSE_S / 2, start - _PAUSE_S / 2))
        other += left_out
        known.append(_Stretch(len(other), len(other) + len(letters), start, end))
        other, at = other + letters, max(at, end)
    sums = _letters(sounds)
    places = [place * len(other) / max(1, sums[-1]) for place in range(sums[-1] + 1)]
    if sums[-1] * len(other) <= _MAX_LETTER_PAIRS:
        places = _edited("".join(each.letters for each in sounds), other)
    for first, last, *_ in known:
        if other.startswith(_UNKNOWN, int(first)):  # whatever is spoken there is spoken evenly
            begin = bisect_left(places, first)
            end = max(begin, bisect_right(places, last) - 1)
            places[begin:end] = [first + (last - first) * n / (end - begin) for n in range(end - begin)]
    return [_within(known, places[first], max(places[last], places[first] + 0.5)) for first, last in pairwise(sums)]


def _edited(text: str, other: str) -> list[float]:
    """Returns the place in `other` of each place in `text`, by the fewest changed letters (Levenshtein)."""
    rows = [list(range(len(other) + 1))]
    for number, letter in enumerate(text, 1):
        above, row = rows[-1], [number]
        for left, (diagonal, up, each) in enumerate(zip(above, above[1:], other, strict=False)):
            row.append(min(up + 1, row[left] + 1, diagonal + (letter != each)))
        rows.append(row)
    i, j = len(text), len(other)
    places: list[float] = [j] * (i + 1)
    while i:
        if j and rows[i][j] == rows[i - 1][j - 1] + (text[i - 1] != other[j - 1]):
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
        places[i] = j
    return places


def _letters_alike(sounds: Sequence[Sounding], heard: Sequence[_Heard]) -> float:
    """Returns the share of equal letters, three or more in a row; 1.0 where there are too few, or too many, to tell."""
    text, speech = "".join(each.letters for each in sounds), "".join(each.letters for each, _ in heard)
    if len(heard) < _PASSAGE or len(text) * len(speech) > _MAX_LETTER_PAIRS:
        return 1.0
    return sum(block[2] for block in matches(text, speech)) / max(1, min(len(text), len(speech)))


def matches(text: Sequence[str], speech: Sequence[str]) -> list[_Block]:
    """Returns the equal runs of words of a text and a speech, in their order, which are not equal by chance."""
    blocks = SequenceMatcher(None, text, speech, autojunk=False).get_matching_blocks()
    return [block for block in blocks if block.size >= _SURE_RUN]
