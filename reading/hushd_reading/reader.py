"""Reads the bytes of a request into items to speak: markup, sentences, and words for text that no engine reads well.

It works while the text is still arriving, in memory that does not grow with the text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

from . import subtitles
from .formulas import Formulas
from .items import FORMULA, Item, MappedText, MarkupReader, Piece, SentenceEnd
from .markdown import Markdown
from .plain import Commands, without_scripts, without_thoughts
from .pronunciation import CLOSE, OPEN, Pronouncer
from .sentences import MAX_FIRST, Splitter
from .ssml import Ssml
from .words import words

# Characters read at once, so that the first sentence of a long text need not wait for the rest of its chunk.
_SLICE = 2048
# Characters of a command for a terminal (a colour, a link, the cursor); one that does not end within them is text.
_ESCAPE = "\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-Z\\\\^-~])"
_MAX_ESCAPE = 1000
_UNSEEN = "\u200b"


def read(
    chunks: Iterable[bytes],
    markup: str = "text",
    language: str = "en",
    pronounce: Mapping[str, str] = MappingProxyType({}),
    phonemes: bool = False,
    first: int = MAX_FIRST,
    respelt: bool = True,
) -> Iterator[Item]:
    """Yields the pieces, pauses and changes of a UTF-8 text, whose chunks may split characters.

    Bytes that are not UTF-8 become U+FFFD. A piece that only has emoji or marks has no text.

    Args:
        markup: one of `MARKUPS`.
        pronounce: words and their pronunciations.
        phonemes: whether the engine reads phonemes: its text may then contain some, which `phonemes.parts` finds.
        first: characters of each of the first two pieces, as in `Splitter`.
        respelt: whether words of programs are spelt as a voice says them, for nobody's eyes.
    """
    spell = Pronouncer(words(language), pronounce, language, phonemes, respelt)
    splitter, formulas = Splitter(language, first), Formulas(language)

    def pieces(text: MappedText, final: bool) -> Iterator[Item]:
        for sentence, ends in splitter.add(text, final):
            yield Piece(spell(formulas.spoken(sentence)), ends)

    shown = formulas.hidden(_without_times(without_thoughts(_unescaped(_slices(chunks)))))
    reader: MarkupReader = Markdown(words(language)) if markup == "markdown" else Commands()
    at, begun = 0, ""
    for text, final in without_scripts(shown) if markup == "markdown" else shown:
        begun = begun or text.lstrip(" \t\r\n\ufeff\u200b")[:1]
        if begun == "<":  # may be SSML
            reader, begun = Ssml(reader, at), "is read"
        at += len(text)
        for event in reader.add(text, final):
            if isinstance(event, MappedText):
                yield from pieces(event, False)
            elif isinstance(event, SentenceEnd):
                yield from pieces(MappedText(), True)
            else:
                yield from _cut(list(pieces(MappedText(), True)))
                yield event
    yield from pieces(MappedText(), True)


def _without_times(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Hides all of subtitles but their words; only a text that begins with a number, a W or a bracket may be some."""
    rest = iter(slices)
    for text, final in rest:
        if begun := text.lstrip("\ufeff\u200b \t\r\n")[:1]:
            if begun.isdecimal() or begun in "W[":
                rest, text, final = subtitles.spoken(chain([(text, final)], rest)), "", False
            yield text, final
            yield from rest
            return
        yield text, final


def _slices(chunks: Iterable[bytes]) -> Iterator[tuple[str, bool]]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        text = decoder.decode(chunk)
        for start in range(0, len(text), _SLICE):
            yield text[start : start + _SLICE], False
    yield decoder.decode(b"", final=True), True


def _unescaped(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Hides commands for a terminal, which programs write into their output; keeps the place of all other text."""
    begun = ""
    for text, final in slices:
        for private in (OPEN, CLOSE, FORMULA):
            text = text.replace(private, _UNSEEN)
        if begun or "\x1b" in text:
            text = re.sub(_ESCAPE, lambda match: _UNSEEN * len(match[0]), begun + text)
            at = -1 if final else text.find("\x1b", max(0, len(text) - _MAX_ESCAPE))
            text, begun = (text, "") if at < 0 else (text[:at], text[at:])
        yield text, final


def _cut(pieces: list[Item]) -> list[Item]:
    """Marks a sentence that a command interrupts as continued after it, unless it had ended."""
    if pieces and isinstance(last := pieces[-1], Piece):
        pieces[-1] = last._replace(ends=last.text.rstrip("\"'”’»)]")[-1:] in ".!?…。！？:")
    return pieces
