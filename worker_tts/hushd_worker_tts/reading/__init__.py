"""From the bytes of a request to what is spoken: markup, sentences, and words for what no engine reads well.

All of it works while the text is still arriving, in memory that does not grow with it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from .commands import Commands
from .items import Change, Event, Item, Pause, Piece, Rate, SentenceEnd, Speaker, Volume
from .pronunciation import Pronouncer
from .sentences import Splitter
from .source_map import MappedText
from .words import words

__all__ = ["Change", "Item", "Pause", "Piece", "Rate", "Speaker", "Volume", "read"]

# Characters read at once: the first sentence of a long text need not wait for the rest of its chunk.
_SLICE = 2048
# A command for a terminal: a colour, a link, the cursor. One that does not end within so many characters is text.
_ESCAPE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-Z\\\\^-~])")
_LONGEST_ESCAPE = 1000
_UNSEEN = "\u200b"


class Reader(Protocol):
    """Reads one kind of markup."""

    def add(self, text: str, final: bool = False) -> Iterator[Event]:
        """What is known now that `text` has come; with `final`, all the rest. Exhaust it before the next call."""


def read(
    chunks: Iterable[bytes], markup: str = "text", language: str = "en", pronounce: Mapping[str, str] | None = None
) -> Iterator[Item]:
    """What there is to speak in UTF-8 text whose chunks may split characters; what is not UTF-8 becomes U+FFFD. A
    piece of nothing but emoji or marks has no text.

    `markup` is one of `speech.MARKUPS`; `language` is that of the voice; `pronounce` says how words are to be said.

    Raises:
        HushdError: `bad_request` for malformed SSML, when it comes to it.
    """
    spell = Pronouncer(words(language), pronounce or {})
    reader, splitter = _reader(markup, language), Splitter()

    def pieces(text: MappedText, final: bool) -> Iterator[Item]:
        for traced, ends in splitter.add(text, final):
            yield Piece(spell(traced), ends)

    for text, final in _unescaped(_slices(chunks)):
        for event in reader.add(text, final):
            if isinstance(event, MappedText):
                yield from pieces(event, False)
            elif isinstance(event, SentenceEnd):
                yield from pieces(MappedText(), True)
            else:
                yield from _cut(list(pieces(MappedText(), True)))
                if isinstance(event, Speaker) and event.language:
                    spell = Pronouncer(words(event.language), pronounce or {})
                elif isinstance(event, Speaker):
                    spell = Pronouncer(words(language), pronounce or {})
                yield event
    yield from pieces(MappedText(), True)


def _reader(markup: str, language: str) -> Reader:
    if markup == "markdown":
        from .markdown import Markdown

        return Markdown(words(language))
    if markup == "ssml":
        from .ssml import Ssml

        return Ssml()
    return Commands()


def _slices(chunks: Iterable[bytes]) -> Iterator[tuple[str, bool]]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        text = decoder.decode(chunk)
        for start in range(0, len(text), _SLICE):
            yield text[start : start + _SLICE], False
    yield decoder.decode(b"", final=True), True


def _unescaped(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Commands for a terminal, which programs write into their output, made unseen. All else keeps its place."""
    begun = ""
    for text, final in slices:
        if begun or "\x1b" in text:
            text = _ESCAPE.sub(lambda match: _UNSEEN * len(match[0]), begun + text)
            at = -1 if final else text.find("\x1b", max(0, len(text) - _LONGEST_ESCAPE))
            text, begun = (text, "") if at < 0 else (text[:at], text[at:])
        yield text, final


def _cut(pieces: list[Item]) -> list[Item]:
    """A sentence that a command interrupts goes on behind it, unless it had come to its end."""
    if pieces and isinstance(last := pieces[-1], Piece):
        pieces[-1] = last._replace(ends=last.text.rstrip("\"'”’»)]")[-1:] in ".!?…。！？:")
    return pieces
