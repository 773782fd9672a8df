"""A person's own words: names, terms and products, which take the place of what sounds like them. Pure.

No engine must know of them: its text is compared, so that every engine's words are mended alike. A word
that the language has, such as "cloud", stays, since it is likelier than "Claude"; several of them together, such as
"cooper net ease", become an own word if hardly a sound differs and each is needed: "the traffic" is not "Traefik".
"""

from __future__ import annotations

import lzma
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass, replace

from .engine import Segment, Word
from .live.drafted import without
from .partials import Event, Unstable
from .sounds_like import distance, first_sounds, sounds, weight
from .wording import split

MAX_OWN_WORDS = 500  # each takes time with each word heard: as many take 11 s for an hour of speech, one takes 3 s
UNKNOWN, NAME, KNOWN, NUMBER = "unknown", "name", "known", "number"  # words heard; a known one with a capital is a name
# By the words heard, the share of the own word's sounds that may differ, and the least weight of these sounds: short
# words are like too many others. Found on two lists of 40 names; BENCHMARKS.md has another.
_ALLOWED = {UNKNOWN: 0.38, NAME: 0.18, KNOWN: 0.15}
_LEAST = {UNKNOWN: 2.0, NAME: 2.5, KNOWN: 4.0}
_SURE_WEIGHT = 1.0  # of sounds, in which nothing may differ; of known words alone it is the least weight
_MORE_WORDS = 2  # that may be heard for an own word: "cooper net ease"
_SIGN = re.compile(r"\W")
_BESIDE = " \"'“”‘’()[]*_-"  # signs that stand between a sentence's end and the next word
_ENDINGS = (
    ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"), ("ing", ""), ("ing", "e"), ("er", ""),
    ("er", "e"), ("ly", ""),
)  # fmt: skip

Span = tuple[int, int, str]  # the first token, the one after the last, and the own word in their place


@dataclass(frozen=True, slots=True)
class _Way:
    """A way in which an own word sounds."""

    text: str
    sounds: str
    weight: float
    words: int


class OwnWords:
    """A list of own words.

    Args:
        text: a line each, or several between commas; after `=` how one is misheard, to the letter. `#` begins a remark.

    Raises:
        HushdError: `bad_request` for more than `MAX_OWN_WORDS`.
    """

    def __init__(self, text: str) -> None:
        self._told = ""  # the stable part of the last draft
        self._letters: dict[str, str] = {}  # own words by their letters, and by how they are misheard
        self._misheard: set[str] = set()
        self._ways: defaultdict[str, list[_Way]] = defaultdict(list)  # by the first consonant that was heard
        for name, ways in _entries(text):
            self._letters |= {_letters(way): name for way in (name, *ways)}
            self._misheard |= set(map(_letters, ways))
            for way in () if any(map(str.isdigit, name)) else dict.fromkeys(map(sounds, (name, *ways))):
                for first in first_sounds(way):
                    self._ways[first].append(_Way(name, way, weight(way), len(name.split())))
        self.names = tuple(dict.fromkeys(self._letters.values()))
        if len(self.names) > MAX_OWN_WORDS:
            raise HushdError(
                "bad_request", f"There are {len(self.names)} own words, and {MAX_OWN_WORDS} at most: leave some out."
            )
        self._longest = max((len(name.split()) for name in self.names), default=0) + _MORE_WORDS

    def in_event(self, event: Event, language: str) -> Event:
        """Returns an event of a live session with own words, as `mended` does."""
        if isinstance(event, Segment):
            return self.mended(event, language)
        return self._drafted(event, _has_english(language)) if isinstance(event, Unstable) else event

    def mended(self, segment: Segment, language: str) -> Segment:
        """Returns a segment with own words in the place of what sounds like them, and the times of the words heard.

        Args:
            language: as in `ModelInfo.languages`; words of others than English are not known, so that there only those
                with a capital may be changed.
        """
        self._told, english = "", _has_english(language)
        tokens, timed = split(segment.text), [word.text for word in segment.words]
        spans = self._found(tokens, english)
        if not spans:
            return segment
        same = [token.strip() for token in tokens] == [text.strip() for text in timed]
        words: list[Word] = []
        at = 0
        for first, last, text in spans if same else self._found(timed, english):
            words += (*segment.words[at:first], *_timed(segment.words[first:last], _in_place(timed[first:last], text)))
            at = last
        return replace(segment, text=_joined(tokens, spans), words=(*words, *segment.words[at:]))

    def _drafted(self, draft: Unstable, english: bool) -> Unstable:
        """Returns a draft with own words, of which no word is stable that the next ones may make a part of one."""
        tokens, sure = split(draft.stable + draft.text), split(draft.stable)
        whole = _joined(tokens, self._found(tokens, english))
        sure = sure[: max(0, len(sure) - self._longest)]
        stable = _joined(sure, self._found(sure, english))
        if stable.startswith(self._told) and whole.startswith(stable):
            self._told = stable
        rest = whole[len(self._told) :] if whole.startswith(self._told) else without(whole, self._told)
        return Unstable(self._told, rest)

    def _found(self, tokens: Sequence[str], english: bool) -> list[Span]:
        """Returns the tokens that are own words, in their order; of those that overlap the nearest ones."""
        cores = [_edges(token)[1] for token in tokens]
        kinds = [_kind(tokens, cores, number, english) for number in range(len(tokens))]
        taken: set[int] = set()
        spans = []
        for _, _, first, last, text in sorted(self._choices(tokens, cores, kinds)):
            if taken.isdisjoint(range(first, last)):
                taken.update(range(first, last))
                if text.islower() and cores[first][:1].isupper() and _begins(tokens, first):
                    text = text[:1].upper() + text[1:]
                if " ".join(cores[first:last]) != text:
                    spans.append((first, last, text))
        return sorted(spans)

    def _choices(
        self, tokens: Sequence[str], cores: Sequence[str], kinds: Sequence[str]
    ) -> Iterator[tuple[float, int, int, int, str]]:
        """Yields spans with the share of sounds that differ, and the number of their tokens, less than zero."""
        for first in range(len(tokens)):
            for last in range(first + 1, min(len(tokens), first + self._longest) + 1):
                if last - first > 1 and tokens[last - 2].rstrip()[-1:] in ".?!…,;:":
                    break
                heard, kind = cores[first:last], kinds[first:last]
                if text := self._letters.get(letters := _letters("".join(heard))):
                    if kind != [KNOWN] or heard[0] != heard[0].lower() or letters in self._misheard:
                        yield 0.0, first - last, first, last, text
                elif all(heard) and NUMBER not in kind and kind != [KNOWN] and (best := self._nearest(heard, kind)):
                    yield best[0], first - last, first, last, best[1]

    def _nearest(self, heard: Sequence[str], kinds: Sequence[str]) -> tuple[float, str] | None:
        """Returns the own word nearest to the words heard, after the share of sounds that differ; None if none is."""
        letters = sum(map(len, heard))
        allowed, least = (
            sum(limits[kind] * len(word) for word, kind in zip(heard, kinds, strict=True)) / letters
            for limits in (_ALLOWED, _LEAST)
        )
        sure = least if set(kinds) == {KNOWN} else _SURE_WEIGHT
        near = sounds(" ".join(heard))
        shorter = [rest for end, rest in ((kinds[0], heard[1:]), (kinds[-1], heard[:-1])) if end == KNOWN]
        matches = []
        for way in self._ways.get(first_sounds(near)[0], ()):
            most = allowed * (way.weight - sure)
            if way.weight >= least and len(heard) <= way.words + _MORE_WORDS and abs(weight(near) - way.weight) <= most:
                cost = distance(near, way.sounds, most)
                if cost <= most and all(distance(sounds(" ".join(rest)), way.sounds, cost) > cost for rest in shorter):
                    matches.append((cost / way.weight, way.text))
        return min(matches, default=None)


def names(text: str, language: str) -> Iterator[str]:
    """Yields the names and terms of a text that could be own words, those in a row together and then each.

    Args:
        language: as in `OwnWords.mended`; of others than English those with a capital within a sentence.
    """
    tokens, row = split(text), list[str]()
    cores = [_edges(token)[1] for token in tokens]
    for number, core in enumerate([*cores, ""]):
        named = core != "" and _kind(tokens, cores, number, _has_english(language)) in (UNKNOWN, NAME)
        if row and not (named and tokens[number - 1].rstrip()[-1:].isalnum()):
            yield from dict.fromkeys((" ".join(row), *row))
            row = []
        if named:
            row.append(core)


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yields the own words of a list, each with how it is misheard."""
    for line in text.splitlines():
        entry, equals, misheard = line.partition("#")[0].partition("=")
        for name in [entry] if equals else entry.split(","):
            if name := " ".join(name.split()):
                yield name, [way.strip() for way in misheard.split(",") if way.strip()]


def _has_english(language: str) -> bool:
    return language.partition("-")[0] == "en"


def _letters(text: str) -> str:
    return "".join(text.casefold().split())


def _edges(token: str) -> tuple[str, str, str]:
    """Returns the signs before a token, the token without them and without a genitive's s, and the rest behind it."""
    letters = [number for number, sign in enumerate(token) if not _SIGN.match(sign)] or [len(token), len(token) - 1]
    core = token[letters[0] : letters[-1] + 1]
    core = core[:-2] if core.endswith(("'s", "’s")) else core
    return token[: letters[0]], core, token[letters[0] + len(core) :]


def _in_place(heard: Sequence[str], text: str) -> str:
    """Returns `text` with the space and the signs around the words heard."""
    return f"{_edges(heard[0])[0]}{text}{_edges(heard[-1])[2]}"


def _joined(tokens: Sequence[str], spans: Sequence[Span]) -> str:
    parts, at = [], 0
    for first, last, text in spans:
        parts += [*tokens[at:first], _in_place(tokens[first:last], text)]
        at = last
    return "".join([*parts, *tokens[at:]]).strip()


def _timed(heard: Sequence[Word], text: str) -> Iterator[Word]:
    """Yields the words of `text` in the time of those heard, which their letters share."""
    tokens = split(text)
    lead = heard[0].text[: len(heard[0].text) - len(heard[0].text.lstrip())]
    known = [word.probability for word in heard if word.probability is not None]
    start, length, letters, done = heard[0].start, heard[-1].end - heard[0].start, sum(map(len, tokens)), 0
    for token in tokens:
        begins, done = start + length * done / letters, done + len(token)
        yield Word(lead + token.strip(), begins, start + length * done / letters, min(known, default=None))


def _kind(tokens: Sequence[str], cores: Sequence[str], number: int, english: bool) -> str:
    """Returns what kind of word a token is."""
    core = cores[number]
    if any(map(str.isdigit, core)):
        return NUMBER
    if english and not _is_english(core):
        return UNKNOWN
    return NAME if core[:1].isupper() and not core.isupper() and not _begins(tokens, number) else KNOWN


def _begins(tokens: Sequence[str], number: int) -> bool:
    """Returns whether a sentence or a quotation begins with a token, so that its capital tells nothing."""
    before = tokens[number - 1].rstrip(_BESIDE)[-1:] if number else ""
    return number == 0 or before in (".", "?", "!", "…", ":") or tokens[number].lstrip()[:1] in _BESIDE


@lru_cache(4096)
def _is_english(word: str) -> bool:
    low = word.casefold().replace("’", "'")
    return "'" in low or all(_is_listed(part, 3) for part in re.split("[-/]", low))


def _is_listed(word: str, endings: int) -> bool:
    """Returns whether English has a word, of which so many endings may have to be taken off."""
    stems = (word.removesuffix(ending) + instead for ending, instead in _ENDINGS if word.endswith(ending))
    return word in _english() or (
        endings > 0 and any(len(stem) > 2 and _is_listed(stem, endings - 1) for stem in stems)
    )


@cache
def _english() -> frozenset[str]:
    """Returns 18,600 words and names, of which endings make 40,000: level 35 of SCOWL, whose terms the file begins
    with."""
    text = lzma.decompress((resources.files(__package__) / "english.xz").read_bytes()).decode()
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
