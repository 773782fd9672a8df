"""Counts what reading does to ordinary text: the places that are said otherwise than written, by the rule."""

from __future__ import annotations

import html
import json
import random
import re
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hushd_reading import agents, developers, pronunciation, rewriting
from hushd_reading.items import MappedText, Piece
from hushd_reading.near import Token
from hushd_reading.reader import read
from hushd_reading.verbalise import Verbaliser

from .stage import Row

FORTUNES, HANDBOOK = Path("/usr/share/games/fortunes"), Path("/usr/share/doc/debian-handbook/html")
_FOLDERS = {"de": "de", "es": "es", "it": "it"}
_HANDBOOKS = {"de": "de-DE", "en": "en-US", "es": "es-ES", "fr": "fr-FR", "it": "it-IT", "pt": "pt-BR"}
_OTHERS = {"brasil", "definizioni", "formiche", "goedel", "italia", "itatrek", "jackfr", "leggi", "off", "zozzital"}
_PARAGRAPH = re.compile(r"<p[^>]*>(.*?)</p>|<div class=\"para\">(.*?)</div>", re.DOTALL)


class Place(NamedTuple):
    """A part of a text that a rule says otherwise, and the words around it."""

    rule: str
    written: str
    said: str
    around: str


def harm(options: Namespace) -> Iterator[Row]:
    """Counts the places of 9,000 ordinary texts that each rule of reading changes, and draws some to be judged
    (--language, --draw, --seed, --rule; --counts FILE compares with an earlier run, and keeps this one's).

    The texts are those of Debian's packages fortunes, fortunes-de, -es, -it, -br and debian-handbook."""
    language, chance = options.language, random.Random(options.seed)
    texts = [*_texts(language)]
    chance.shuffle(texts)
    with _Watched() as watched:
        places = [place for text in texts[:9000] for place in watched.places(text, language)]
    counts = Counter(place.rule for place in places)
    before = _before(options.counts, language, counts)
    yield Row(f"harm: texts in {language}", len(texts[:9000]), "")
    for rule, count in counts.most_common():
        note = f"{count - before.get(rule, 0):+d}" if before else ""
        yield Row(f"harm: {rule}", count, "", note=note)
    drawn = [place for place in dict.fromkeys(places) if options.rule in ("", place.rule)]
    chance.shuffle(drawn)
    for place in drawn[: options.draw]:
        print(f"{place.rule}: {place.written} => {place.said}   [{place.around}]")


def _before(path: Path | None, language: str, counts: Counter[str]) -> dict[str, int]:
    """Returns the counts of the run that a file has, and puts these in their place."""
    if path is None:
        return {}
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | {language: counts}, indent=1) + "\n")
    before: dict[str, int] = known.get(language, {})
    return before


def _texts(language: str) -> Iterator[str]:
    """Yields the texts of a language, each in one line."""
    if language == "pt":
        files = [FORTUNES / "brasil"]
    elif language in _FOLDERS or language == "fr":
        files = [*(FORTUNES / _FOLDERS.get(language, "fr")).glob("*")]
    else:
        files = [path for path in FORTUNES.glob("*") if path.name not in _OTHERS]
    for path in sorted(path for path in files if path.is_file() and path.suffix not in (".dat", ".u8")):
        content = path.read_bytes()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        yield from _short(text.split("\n%\n"), 300)
    for page in sorted((HANDBOOK / _HANDBOOKS[language]).glob("*.html")):
        paragraphs = _PARAGRAPH.findall(page.read_text("utf-8", "replace"))
        yield from _short((html.unescape(re.sub("<[^>]+>", "", one or other)) for one, other in paragraphs), 400)


def _short(texts: Any, most: int) -> Iterator[str]:
    lines = (" ".join(text.split()) for text in texts)
    return (line for line in lines if 20 < len(line) < most)


class _Watched:
    """Has every rule note what it changes: the patterns of `rewriting` and its like, and the classes of tokens."""

    _MODULES = (rewriting, agents, pronunciation, developers)

    def __enter__(self) -> _Watched:
        self._places: list[Place] = []
        self._sub, self._say = MappedText.sub, Verbaliser.__call__
        names = {
            id(value): f"{module.__name__.rpartition('.')[2]}{name.lower()}"
            for module in self._MODULES
            for name, value in vars(module).items()
            if isinstance(value, re.Pattern)
        }
        sub, say, note = self._sub, self._say, self._note

        def watched_sub(text: MappedText, pattern: re.Pattern[str], new: str | Callable[[re.Match[str]], str]) -> Any:
            def noted(match: re.Match[str]) -> str:
                words = new if isinstance(new, str) else new(match)
                note(names.get(id(pattern), "symbols"), match[0], words, match.string, *match.span())
                return words

            return sub(text, pattern, noted)

        def watched_say(self: Verbaliser, token: Token, text: str) -> str:
            words = say(self, token, text)
            written = text[token.start : token.end]
            named = f" {written.strip()}" if token.kind in ("abbreviation", "sign", "roman", "shout", "days") else ""
            note(token.kind + named, written, words, text, token.start, token.end)
            return words

        MappedText.sub, Verbaliser.__call__ = watched_sub, watched_say  # type: ignore[method-assign,assignment]
        return self

    def __exit__(self, *error: object) -> None:
        MappedText.sub, Verbaliser.__call__ = self._sub, self._say  # type: ignore[method-assign]

    def places(self, text: str, language: str) -> list[Place]:
        """Returns the places of a text that are said otherwise, in more than signs."""
        self._places = []
        for item in read([text.encode()], language=language):
            assert not isinstance(item, Piece) or item.text is not None
        return self._places

    def _note(self, rule: str, written: str, said: str, text: str, start: int, end: int) -> None:
        if _words(written) != _words(said):
            around = f"{text[max(0, start - 40) : start]}«{written}»{text[end : end + 40]}"
            self._places.append(Place(rule, written, said.strip(), around))


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().casefold()
