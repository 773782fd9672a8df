"""A person's own words: names, terms and products, which take the place of what sounds like them. Pure.

No engine must know of them: what is heard is compared as text, so that every engine's words are mended alike. Words
that the language has, such as "cloud", stay: they are likelier than "Claude", unless they stand there with a capital
that nothing else explains, or several of them together sound like nothing else.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources

from hushd_protocol.light_dataclass import dataclass, replace

from .engine import Segment, Word
from .sounds_like import distance, sounds, weight
from .wording import split

_UNUSUAL = 0.34  # of the own word's sounds that may differ where a word was heard that the language hardly has
_USUAL = 0.12  # the same where all words are usual ones
_MIN_WEIGHT = 2.0  # of sounds: shorter words are like too many others
_MIN_USUAL_WEIGHT = 3.5
_MORE_WORDS = 2  # that may be heard for a word: "Cooper net ease"
_EDGES = re.compile(r"^(\W*)(.*?)((?:['’]s)?\W*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OwnWord:
    """A word or several, and their sounds, also as they are misheard."""

    text: str
    ways: tuple[str, ...]
    said: tuple[str, ...]  # how it is misheard, to the letter


@lru_cache(8)
def parsed(text: str) -> tuple[OwnWord, ...]:
    """Returns the words of a list: a line each, or several between commas; after a colon how one is misheard.

    >>> [word.text for word in parsed("Ollama, Qdrant\\nkubectl: cube control  # a command")]
    ['Ollama', 'Qdrant', 'kubectl']
    """
    words = []
    for line in text.splitlines():
        entry, colon, misheard = line.partition("#")[0].partition(":")
        for name in [entry] if colon else entry.split(","):
            if name := " ".join(name.split()):
                ways = [way.strip().casefold() for way in misheard.split(",") if way.strip()]
                words.append(OwnWord(name, tuple(dict.fromkeys((sounds(name), *map(sounds, ways)))), tuple(ways)))
    return tuple(words)


def mended(segments: Sequence[Segment], words: tuple[OwnWord, ...]) -> list[Segment]:
    """Returns `segments` with own words in the place of what sounds like them; times and texts agree."""
    return [_mended(segment, words) for segment in segments] if words else list(segments)


def mended_text(text: str, words: tuple[OwnWord, ...]) -> str:
    """Returns a text with own words in the place of what sounds like them."""
    tokens = split(text)
    return "".join(_joined(tokens, _found(tokens, words))).strip() if words else text


def mended_draft(stable: str, text: str, words: tuple[OwnWord, ...]) -> tuple[str, str]:
    """Returns the stable part of a draft and all of it; the end of the stable one is not stable yet as long as a
    further word may become a part of an own word with it."""
    if not words:
        return stable, text
    most = max(len(word.text.split()) for word in words) + _MORE_WORDS - 1
    tokens = split(stable)
    whole, sure = mended_text(text, words), mended_text("".join(tokens[: max(0, len(tokens) - most)]), words)
    return (sure if whole.startswith(sure) else ""), whole


def _mended(segment: Segment, words: tuple[OwnWord, ...]) -> Segment:
    tokens = split(segment.text)
    spans = _found(tokens, words)
    if not spans:
        return segment
    timed = [word.text for word in segment.words]
    same = [token.strip() for token in tokens] == [text.strip() for text in timed]
    times: list[Word] = []
    at = 0
    for first, last, text in spans if same else _found(timed, words):
        times += segment.words[at:first]
        times += _timed(segment.words[first:last], _replaced(timed[first:last], text))
        at = last
    times += segment.words[at:]
    return replace(segment, text="".join(_joined(tokens, spans)).strip(), words=tuple(times))


def _timed(heard: Sequence[Word], text: str) -> list[Word]:
    """Returns the words of `text` in the time of those heard, by their letters."""
    tokens = split(text)
    if not tokens or not heard:
        return []
    lead = heard[0].text[: len(heard[0].text) - len(heard[0].text.lstrip())]
    start, length = heard[0].start, heard[-1].end - heard[0].start
    known = [word.probability for word in heard if word.probability is not None]
    letters, done, found = sum(map(len, tokens)), 0, []
    for token in tokens:
        begin, done = start + length * done / letters, done + len(token)
        found.append(
            Word(lead + token.strip(), begin, start + length * done / letters, min(known) if known else None)
        )
    return found


def _joined(tokens: Sequence[str], spans: Sequence[tuple[int, int, str]]) -> list[str]:
    found, at = [], 0
    for first, last, text in spans:
        found += [*tokens[at:first], _replaced(tokens[first:last], text)]
        at = last
    return [*found, *tokens[at:]]


def _replaced(heard: Sequence[str], text: str) -> str:
    """Returns `text` with the space and the signs around what was heard."""
    before, after = _EDGES.match(heard[0]), _EDGES.match(heard[-1])
    assert before is not None
    assert after is not None
    return f"{before[1]}{text}{after[3]}"


def _found(tokens: Sequence[str], words: tuple[OwnWord, ...]) -> list[tuple[int, int, str]]:
    """Returns which tokens are which own word: the first, the one after the last, and the word; the nearest first."""
    cores = [_core(token) for token in tokens]
    choices = []
    for word in words:
        longest = len(word.text.split()) + _MORE_WORDS
        for first in range(len(tokens)):
            for last in range(first + 1, min(len(tokens), first + longest) + 1):
                if last - first > 1 and _ends(tokens[last - 2]):
                    break
                share = _share(word, cores[first:last], begins=first == 0 or _stops(tokens[first - 1]))
                if share is not None:
                    choices.append((share, first - last, first, last, word.text))
    taken: set[int] = set()
    spans = []
    for _, _, first, last, text in sorted(choices):
        if taken.isdisjoint(range(first, last)):
            taken.update(range(first, last))
            if " ".join(cores[first:last]) != text:
                spans.append((first, last, text))
    return sorted(spans)


def _share(word: OwnWord, heard: Sequence[str], *, begins: bool) -> float | None:
    """Returns the share of `word`'s sounds that differ from those heard; None if what was heard is likelier.

    Args:
        begins: whether a sentence begins, so that a capital tells nothing.
    """
    said = " ".join(heard)
    if said == word.text or said.casefold() in word.said:
        return 0.0
    if not all(heard):
        return None
    if said.casefold().replace(" ", "") == word.text.casefold().replace(" ", ""):
        usual = all(map(_usual, heard))
        return None if usual and said.islower() and len(heard) == 1 else 0.0
    names = [each[:1].isupper() and not (begins and n == 0) for n, each in enumerate(heard)]
    usual = all(_usual(each) for each in heard) and not any(names)
    if usual and len(heard) == 1:
        return None
    near, allowed = sounds(said), _USUAL if usual else _UNUSUAL
    best = None
    for way in word.ways:
        size = weight(way)
        if size < (_MIN_USUAL_WEIGHT if usual else _MIN_WEIGHT) or abs(size - weight(near)) > allowed * size:
            continue
        share = distance(near, way) / size
        if share <= allowed and (best is None or share < best):
            best = share
    return best


def _core(token: str) -> str:
    """Returns a token without its signs, and without a genitive's s."""
    match = _EDGES.match(token)
    assert match is not None
    return match[2]


def _stops(token: str) -> bool:
    return token.rstrip()[-1:] in ".?!…"


def _ends(token: str) -> bool:
    """Returns whether no word goes on after a token."""
    return token.rstrip()[-1:] in ".?!…,;:"


def _usual(word: str) -> bool:
    low = word.casefold()
    return low in _common() or (low.endswith("s") and low[:-1] in _common())


@cache
def _common() -> frozenset[str]:
    """Returns 8,900 words of English: those among the first 20,000 tokens of GPT-2 (MIT), which are the commonest."""
    return frozenset(lzma.decompress((resources.files(__package__) / "common.xz").read_bytes()).decode().split())
