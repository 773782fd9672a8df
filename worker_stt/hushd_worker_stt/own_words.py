"""A person's own words: names, terms and products, which take the place of what sounds like them. Pure.

No engine must know of them: its text is compared. An engine that can tell how likely a text is for the sound decides
whether a stretch is an own word that sounds like it: "met for men" is "metformin" where that is nearly as likely. For
others a word that the language has, such as "cloud", stays, since it is likelier than "Claude"; several of them
together, such as "cooper net ease", become an own word if hardly a sound differs and each is needed: "the traffic" is
not "Traefik".
"""

from __future__ import annotations

import lzma
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from importlib import resources
from math import inf

from hushd_protocol.errors import HushdError

from .engine import Segment, Word
from .live.drafted import without
from .partials import Event, Unstable
from .sounds_like import distance, first_sounds, second_sounds, sounds, weight
from .wording import split

MAX_OWN_WORDS = 500  # each takes time with each word heard: as many take 11 s for an hour of speech, one takes 3 s
UNKNOWN, NAME, KNOWN, NUMBER = "unknown", "name", "known", "number"  # words heard; a known one with a capital is a name
# Each kind of words heard has the share of the own word's sounds that may differ, and the least weight of these sounds:
# short words are like too many others. Found on two lists of 40 names; BENCHMARKS.md has another.
_ALLOWED = {UNKNOWN: 0.38, NAME: 0.18, KNOWN: 0.15}
_LEAST = {UNKNOWN: 2.0, NAME: 2.5, KNOWN: 4.0}
_SURE_WEIGHT = 1.0  # weight of sounds in which nothing may differ; of known words alone it is the least weight
# Each kind of words heard has, where the engine decides: the share of sounds that may differ, for it to be asked about
# a stretch; how much less likely, as a log probability, an own word may make the text, and how much less of that if all
# its sounds differ. On three lists, by two engines, they make no word wrong. With 8 for 6.5 "No key" became Loki, and
# with 20 for 16 Byron became Bjarne.
_ASKED = {UNKNOWN: 0.5, NAME: 0.5, KNOWN: 0.4}
_LESS_LIKELY = {UNKNOWN: 16.0, NAME: 16.0, KNOWN: 6.5}
_DIFFERING = 10.0
_MAX_ASKED = 6  # stretches of a segment, the nearest ones
_MORE_WORDS = 2  # more words that may be heard for an own word: "cooper net ease"
_SIGN = re.compile(r"\W")
_BESIDE = " \"'“”‘’()[]*_-"  # signs that stand between a sentence's end and the next word
_ENDINGS = (
    ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"), ("ing", ""), ("ing", "e"), ("er", ""),
    ("er", "e"), ("ly", ""),
)  # fmt: skip

Score = Callable[[Sequence[str]], Sequence[float]]  # the log probability of texts of a segment's sound, or none
Span = tuple[int, int, str]  # the first token, the one after the last, and the own word in their place
Choice = tuple[float, int, Span]  # the better one first; of equals that of more tokens


@dataclass(frozen=True, slots=True)
class _Way:
    """A way in which an own word sounds."""

    text: str
    sounds: str
    weight: float
    words: int


class OwnWords:
    """A list of own words. Raises `bad_request` for more than `MAX_OWN_WORDS`.
    `text`: a line each, or several between commas; after `=` how one is misheard, to the letter. `#` begins a
    remark."""

    def __init__(self, text: str) -> None:
        self._scored = False  # whether segments come mended
        self._sent = ""  # the stable part of the last draft
        self._letters: dict[str, str] = {}  # own words by their letters, and by how they are misheard
        self._misheard: set[str] = set()
        # Ways to hear an own word, by the first consonant that was heard.
        self._ways: defaultdict[str, list[_Way]] = defaultdict(list)
        self._beginning: defaultdict[str, list[_Way]] = defaultdict(list)  # the same, or the first was missed
        for name, ways in _entries(text):
            self._letters |= {_letters(way): name for way in (name, *ways)}
            self._misheard |= set(map(_letters, ways))
            for way in () if any(map(str.isdigit, name)) else dict.fromkeys(map(sounds, (name, *ways))):
                for first in first_sounds(way):
                    self._ways[first].append(_Way(name, way, weight(way), len(name.split())))
                for first in {*first_sounds(way), *second_sounds(way)}:
                    self._beginning[first].append(_Way(name, way, weight(way), len(name.split())))
        self.names = tuple(dict.fromkeys(self._letters.values()))
        if len(self.names) > MAX_OWN_WORDS:
            raise HushdError(
                "bad_request", f"There are {len(self.names)} own words, and {MAX_OWN_WORDS} at most: leave some out."
            )
        self._longest = max((len(name.split()) for name in self.names), default=0) + _MORE_WORDS

    def in_event(self, event: Event, language: str) -> Event:
        """Returns an event of a live session with own words, as `mended` does; a segment that it has mended by a score
        stays."""
        if isinstance(event, Segment):
            self._sent = ""
            return event if self._scored else self.mended(event, language)
        return self._drafted(event, _has_english(language)) if isinstance(event, Unstable) else event

    def mended(self, segment: Segment, language: str, score: Score | None = None) -> Segment:
        """Returns a segment with own words in the place of what sounds like them, and the times of the words heard.

        Args:
            language: as in `Model.languages`; words of others than English are not known, so that there only those
                with a capital may be changed.
            score: decides, if the engine has it, in English.
        """
        english = _has_english(language)
        self._scored, score = score is not None, score if english else None
        tokens, timed = split(segment.text), [word.text for word in segment.words]
        spans = self._found(tokens, english, score)
        if not spans:
            return segment
        same = [token.strip() for token in tokens] == [text.strip() for text in timed]
        words: list[Word] = []
        at = 0
        for first, last, text in spans if same else self._found(timed, english, score):
            words += (*segment.words[at:first], *_timed(segment.words[first:last], _in_place(timed[first:last], text)))
            at = last
        return replace(segment, text=_joined(tokens, spans), words=(*words, *segment.words[at:]))

    def _drafted(self, draft: Unstable, english: bool) -> Unstable:
        """Returns a draft with own words, of which no word is stable that the next ones may make a part of one."""
        tokens, sure = split(draft.stable + draft.text), split(draft.stable)
        whole = _joined(tokens, self._found(tokens, english))
        sure = sure[: max(0, len(sure) - self._longest)]
        stable = _joined(sure, self._found(sure, english))
        if stable.startswith(self._sent) and whole.startswith(stable):
            self._sent = stable
        rest = whole[len(self._sent) :] if whole.startswith(self._sent) else without(whole, self._sent)
        return Unstable(self._sent, rest)

    def _found(self, tokens: Sequence[str], english: bool, score: Score | None = None) -> list[Span]:
        """Returns the tokens that are own words, in their order; of those that overlap the best ones."""
        cores = [_edges(token)[1] for token in tokens]
        kinds = [_kind(tokens, cores, number, english) for number in range(len(tokens))]
        choose = partial(self._likely, score) if score else self._alike
        taken: set[int] = set()
        spans = []
        for *_, (first, last, text) in sorted([*self._spelt(tokens, cores, kinds), *choose(tokens, cores, kinds)]):
            if taken.isdisjoint(range(first, last)):
                taken.update(range(first, last))
                if " ".join(cores[first:last]) != text:
                    spans.append((first, last, text))
        return sorted(spans)

    def _stretches(self, tokens: Sequence[str], cores: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yields the first token of each stretch that may be an own word, and the one after its last."""
        for first in range(len(tokens)):
            for last in range(first + 1, min(len(tokens), first + self._longest) + 1):
                if last - first > 1 and tokens[last - 2].rstrip()[-1:] in ".?!…,;:":
                    break
                if all(cores[first:last]):
                    yield first, last

    def _spelt(self, tokens: Sequence[str], cores: Sequence[str], kinds: Sequence[str]) -> Iterator[Choice]:
        """Yields the stretches that have the letters of an own word, or how it is misheard."""
        for first, last in self._stretches(tokens, cores):
            heard, letters = cores[first:last], _letters("".join(cores[first:last]))
            if (text := self._letters.get(letters)) and (
                kinds[first:last] != [KNOWN] or heard[0] != heard[0].lower() or letters in self._misheard
            ):
                yield -inf, first - last, (first, last, _cased(text, tokens, cores, first))

    def _alike(self, tokens: Sequence[str], cores: Sequence[str], kinds: Sequence[str]) -> Iterator[Choice]:
        """Yields the stretches that sound like an own word, by the share of sounds that differ."""
        for first, last in self._stretches(tokens, cores):
            heard, kind = cores[first:last], kinds[first:last]
            new = NUMBER not in kind and kind != [KNOWN] and _letters("".join(heard)) not in self._letters
            if new and (best := self._nearest(heard, kind)):
                yield best[0], first - last, (first, last, _cased(best[1], tokens, cores, first))

    def _likely(
        self, score: Score, tokens: Sequence[str], cores: Sequence[str], kinds: Sequence[str]
    ) -> Iterator[Choice]:
        """Yields the stretches of which the engine says that they may well be an own word."""
        asked = []
        for first, last in self._stretches(tokens, cores):
            heard, kind = cores[first:last], kinds[first:last]
            if NUMBER not in kind and (best := self._near(heard, _share(_ASKED, heard, kind))):
                share, text = best
                span = first, last, _cased(text, tokens, cores, first)
                asked.append((share, span, _share(_LESS_LIKELY, heard, kind) - _DIFFERING * share))
        if not (asked := sorted(asked)[:_MAX_ASKED]):
            return
        scores = score([_joined(tokens, []), *(_joined(tokens, [span]) for _, span, _ in asked)])
        if not scores:
            yield from self._alike(tokens, cores, kinds)
        for (_, span, less), likely in zip(asked, scores[1:], strict=bool(scores)):
            if (margin := likely - scores[0] + less) > 0:
                yield -margin, span[0] - span[1], span

    def _near(self, heard: Sequence[str], allowed: float) -> tuple[float, str] | None:
        """Returns the own word nearest to the words heard, after the share of sounds that differ: at most `allowed`, if
        it begins with a consonant like theirs, or they have missed that."""
        near, letters = sounds(" ".join(heard)), _letters("".join(heard))
        begins = first_sounds(near)[0] if near else ""
        matches = [
            (cost / way.weight, way.text)
            for way in self._beginning.get(begins, ())
            if way.weight >= _LEAST[UNKNOWN]
            and len(heard) <= way.words + _MORE_WORDS
            and _letters(way.text) not in letters
            and (cost := distance(near, way.sounds, allowed * way.weight)) <= allowed * way.weight
        ]
        return min(matches, default=None)

    def _nearest(self, heard: Sequence[str], kinds: Sequence[str]) -> tuple[float, str] | None:
        """Returns the own word nearest to the words heard, after the share of sounds that differ; None if none is."""
        allowed, least = _share(_ALLOWED, heard, kinds), _share(_LEAST, heard, kinds)
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
    `language`: as in `OwnWords.mended`; of others than English those with a capital within a sentence."""
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


def _share(limits: Mapping[str, float], heard: Sequence[str], kinds: Sequence[str]) -> float:
    """Returns the limit for words heard, each of which counts by its letters."""
    return sum(limits[kind] * len(word) for word, kind in zip(heard, kinds, strict=True)) / sum(map(len, heard))


def _cased(text: str, tokens: Sequence[str], cores: Sequence[str], first: int) -> str:
    """Returns an own word with the capital of a sentence that begins with it."""
    begins = text.islower() and cores[first][:1].isupper() and _begins(tokens, first)
    return text[:1].upper() + text[1:] if begins else text


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
