"""The words of a text, line by line, for programs that look at them instead of speaking."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from . import subtitles
from .items import Piece
from .reader import read

_LANGUAGE_CHARACTERS = 200  # characters of Markdown and of subtitles by which their language is told


def words_by_line(
    chunks: Iterable[bytes],
    markup: str,
    language: Callable[[str], str],
    pronounce: Callable[[str], Mapping[str, str]],
) -> Iterator[str]:
    """Yields the words of each line of plain text, or of each sentence of Markdown, SSML and subtitles, as it arrives.

    Args:
        language: tells the language of a line.
        pronounce: returns the words with a pronunciation in a language.
    """
    rest, begun = _lines(chunks), ""
    marked: str | None = None
    for line in rest:
        begun += line
        marked = markup if markup != "text" or begun.lstrip().startswith("<speak") else subtitles.begins(begun)
        if marked == "" or (marked and len(begun) >= _LANGUAGE_CHARACTERS):
            break
    if marked:
        tag = language(begun)
        yield from _sentences(chain([begun], rest), markup, tag, pronounce(tag))
        return
    for line in chain(begun.splitlines(keepends=True), rest):
        tag = language(line)
        yield " ".join(_sentences([line], markup, tag, pronounce(tag)))


def _sentences(lines: Iterable[str], markup: str, tag: str, pronounce: Mapping[str, str]) -> Iterator[str]:
    words: list[str] = []
    for item in read((line.encode() for line in lines), markup, tag, pronounce, respelt=False):
        if isinstance(item, Piece):
            words += item.text.split()
            if item.ends and words:
                yield " ".join(words)
                words = []
    if words:
        yield " ".join(words)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yields the lines of UTF-8 with their ends, as soon as each is here."""
    decoder, begun = codecs.getincrementaldecoder("utf-8-sig")("replace"), ""
    for chunk in chunks:
        *lines, begun = (begun + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n" for line in lines)
    if begun := begun + decoder.decode(b"", final=True):
        yield begun
