"""Writes the numbers of a segment in digits, by the rules of its language. Pure.

Numbers below ten stay words, unless a unit, a time or another number asks for digits; so do "a hundred" and "tausend",
and numbers in a row that no rule joins. A number's words become one word, from the first one's start to the last one's
end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise

from hushd.transcripts.segment import Segment, Word
from hushd_models.languages import code

from .items import edges, items
from .rules import Item, Language, languages

_BEFORE_SPACE = re.compile(r"(?<=\S)(?=\s)")
_ENDS = ".?!…:"  # ends of sentences
_MANY = {100, 1000}  # numbers that stand alone as words
_LEAST_IN_DIGITS = 10
_DICTATED = 3  # digits at least
_PLACES = r"(?:\d|0\d+)[.,]\d+"  # places behind the last of the digits

Span = tuple[int, int, str]  # the first token, the one after the last, and the number in their place


def written(tag: str) -> Callable[[Segment], Segment] | None:
    """Returns a function that writes the numbers of a segment in digits; None for a language without rules."""
    language = languages().get(code(tag))
    return partial(_segment, language) if language else None


def _segment(language: Language, segment: Segment) -> Segment:
    tokens, words, at = _BEFORE_SPACE.split(segment.text), list[Word](), 0
    spans = list(_spans(tokens, language))
    for first, last, text in _of_words(segment.words, tokens, spans, language):
        heard = segment.words[first:last]
        space = heard[0].word[: len(heard[0].word) - len(heard[0].word.lstrip())]
        known = [word.probability for word in heard if word.probability is not None]
        words += segment.words[at:first]
        words.append(Word(space + text, heard[0].start, heard[-1].end, min(known, default=None)))
        at = last
    return replace(segment, text=_joined(tokens, spans), words=(*words, *segment.words[at:])) if spans else segment


def _of_words(words: Sequence[Word], tokens: Sequence[str], spans: Sequence[Span], language: Language) -> list[Span]:
    """Returns the spans of words with times, and the numbers with the signs around them: a token of the text may be
    several words, such as `350` and `,000`."""
    texts, timed = [token.strip() for token in tokens], [word.word.strip() for word in words]
    ends, word_ends = (list(accumulate(map(len, each), initial=0)) for each in (texts, timed))
    if "".join(texts) == "".join(timed) and {ends[at] for span in spans for at in span[:2]} <= {*word_ends}:
        places = {end: number for number, end in enumerate(word_ends)}
        return [
            (places[ends[first]], places[ends[last]], _in_place(texts[first:last], text)) for first, last, text in spans
        ]
    return [(first, last, _in_place(timed[first:last], text)) for first, last, text in _spans(timed, language)]


def _joined(tokens: Sequence[str], spans: Sequence[Span]) -> str:
    parts: list[str] = []
    at = 0
    for first, last, text in spans:
        parts += [*tokens[at:first], _in_place(tokens[first:last], text)]
        at = last
    return "".join([*parts, *tokens[at:]])


def _in_place(heard: Sequence[str], text: str) -> str:
    """Returns a number with the space and the signs around the words heard."""
    behind = edges(heard[-1])[2]
    return f"{edges(heard[0])[0]}{text}{behind[text[-1] == behind[:1] :]}"  # a German sentence ends with "am 3."


def _spans(tokens: Sequence[str], language: Language) -> Iterator[Span]:
    """Yields the tokens that are written as numbers, in their order."""
    heard = items(tokens, language)
    at = 0
    while at < len(heard):
        count, text = next(filter(None, (rule.match(heard, at) for rule in language.rules)), (1, ""))
        if not text and heard[at].number:
            count, text = _dictated(heard, at, language) or (1, "")
            if not text and not _stays(heard, at, tokens, language) and _counts(heard, at, language):
                text = heard[at].number
        if text:
            yield heard[at].first, heard[at + count - 1].last, text
        at += count


def _dictated(heard: Sequence[Item], at: int, language: Language) -> tuple[int, str] | None:
    """Returns how many numbers in a row from `at` on are one, which is dictated by its digits, and that one. The last
    may have places behind it."""
    end = at + 1
    while _adjoins(heard, end):
        end += 1
    end += _adjoins(heard, end, _PLACES)
    while _adjoins(heard, end, r"\d", r"\d+[.,]\d+|\d"):
        end += 1  # text2num has one digit of "virgule un deux"
    row = [item.digits for item in heard[at:end]]
    if len(row) < 2 or _adjoins(heard, at):
        return None
    if re.fullmatch(r"\d+[.,]\d", row[0]):
        return end - at, "".join(row)
    steps = {after.value - before.value for before, after in pairwise(heard[at:end])}
    if row[0][0] == "0" and len(row) > 2 and set(map(len, row)) == {2}:  # a telephone's, in pairs
        return end - at, " ".join(row)
    named = any(word.lower() in language.dictated for item in heard[max(0, at - 2) : at] for word in item.words)
    counted = steps in ({1.0}, {-1.0}) and not named  # "one two three", unless it is a PIN
    single = all(len(digits) == 1 or digits[0] == "0" or re.fullmatch(_PLACES, digits) for digits in row)
    if single and len(re.split("[.,]", "".join(row))[0]) >= _DICTATED and not counted:
        return end - at, "".join(row)
    return None


def _adjoins(heard: Sequence[Item], at: int, last: str = r"\d+", first: str = r"\d+") -> bool:
    """Returns whether numbers of these forms follow each other at `at`, with nothing between them."""
    pair = heard[at - 1 : at + 1] if at else []
    numbers = len(pair) == 2 and re.fullmatch(first, pair[0].digits) and re.fullmatch(last, pair[1].digits)
    return bool(numbers) and not (pair[1].apart or pair[0].given or pair[1].given)


def _counts(heard: Sequence[Item], at: int, language: Language) -> bool:
    """Returns whether a number is large enough for digits, or stands beside a large one, as in "nine or ten"."""
    item = heard[at]
    small = item.ordinal or (item.digits.isdigit() and item.digits[0] != "0")
    if item.sure or item.value >= _LEAST_IN_DIGITS or not small:
        return True
    pairs = (heard[max(0, at - 2) : at][::-1], heard[at + 1 : at + 3])  # a word and a number, each way
    beside = [pair for pair in pairs if len(pair) == 2 and pair[0].words[0] in language.joins and not pair[1].ordinal]
    return not item.ordinal and any(number.value >= _LEAST_IN_DIGITS for _, number in beside)


def _stays(heard: Sequence[Item], at: int, tokens: Sequence[str], language: Language) -> bool:
    """Returns whether a number stays in words: "a hundred", "a tenth", a name such as "Ocean's Eleven", "oh two"."""
    item, before = heard[at], heard[at - 1] if at else None
    words = [word for word in item.words if word.lower() not in language.articles]
    name = item.words[0][:1].isupper() and not item.words[0].isupper() and not _begins(tokens, item.first)
    behind = heard[at + 1].words[0] if at + 1 < len(heard) else ""
    parted = before is not None and (before.value == 1 or before.words[0].lower() in language.articles)
    fraction = item.ordinal and (parted or behind in language.of)
    many = item.value == 1001 or (item.value % 100 == 0 if item.ordinal else len(words) == 1 and item.value in _MANY)
    unclear = _adjoins(heard, at) or _adjoins(heard, at + 1) or re.fullmatch(r"0\d?", item.digits)
    return bool(item.given or many or name or fraction or unclear)


def _begins(tokens: Sequence[str], at: int) -> bool:
    """Returns whether a sentence begins with a token."""
    return not at or bool(edges(tokens[at])[0].strip()) or any(sign in _ENDS for sign in edges(tokens[at - 1])[2])
