"""Reads Markdown for speech: headings, items and rows as sentences, links by their text, code blocks by their length.

This module recognises blocks, line by line, because text is spoken while it is still being written; markup inside a
line (emphasis, code, links, images, entities) is left to markdown-it. A paragraph is passed on word by word, while no
mark is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError

from .items import Event, MappedText, Pause, SentenceEnd
from .words import Words, announced

# A paragraph without the end of a sentence is cut into pieces of about this many characters.
_MAX_BLOCK = 2000
_CODE_PAUSE_S = 0.3

_FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_KIND = re.compile(r"[\w+#-]+")  # name in `{.python}` and `python:main.py`, too
_HEADING = re.compile(r"\s{0,3}#{1,6}(?:\s+|$)")
_RULE = re.compile(r"\s*(?:=+|-+|(?:[*_-]\s*){3,})\s*$")
_QUOTE = re.compile(r"\s{0,3}>\s?")
_ITEM = re.compile(r"\s*(?:[-*+]|(?P<number>\d{1,9})[.)])(?:\s+|$)")
_TASK = re.compile(r"\[(?P<mark>[ xX])\]\s+")
_DELIMITERS = re.compile(r"\s*+\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+$")
_CELL = re.compile(r"(?<!\\)\|")
_BAR = re.compile(r"(?<!\s)\s++\|\s+")
_DEFINITION = re.compile(r"\s{0,3}\[(?!\^)[^\]]{1,200}\]:\s+\S")
_FOOTNOTE = re.compile(r"\s{0,3}\[\^[^\]]{1,60}\]:\s*")
_FOOTNOTE_MARK = re.compile(r"\[\^[^\]]{1,60}\]")
_REFERENCE = re.compile(r"\[(?P<text>[^\]]{1,300})\]\[[^\]]{0,100}\]")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_PARTS = re.compile(r"\s+|\S+")
_CORE = re.compile(r"\w+")
_MAX_ADDRESS_CHARACTERS = 2000  # characters between words, for addresses of links and images
_INDENTED = re.compile(r"(?: {4}|\t)")
_SENTENCE_END = re.compile(r"[.!?…:][\"'”’)\]*_]*(?=\s)")
_HARD_END = re.compile(r"(?: {2}|\\)\r?$")
_UNDECIDED = 12  # characters of an unfinished line that may still become any kind of block


class Markdown:
    """Reads Markdown as it arrives; keeps the current line and its paragraph.
    `words`: the words for code blocks, images and tasks; None: these are skipped."""

    def __init__(self, words: Words | None) -> None:
        self._words = words
        self._inline: Any = None
        self._line = ""  # the received part of the current line that is not in the block yet
        self._at = 0  # its offset in the original
        self._inside = False  # whether the beginning of the current line is in the block already
        self._block = MappedText()
        self._fence = ""  # the mark that closes the open code block
        self._kind = ""  # the kind of that block: the word after its mark
        self._quoted = False  # whether that block began in a quotation
        self._code = 0  # the number of its lines so far
        self._code_at = 0  # the offset of its beginning
        self._indented = 0  # the number of lines of indented code
        self._list = False

    def add(self, text: str, final: bool = False) -> Iterator[Event]:
        lines = (self._line + text.replace("\0", "\ufffd")).split("\n")  # CommonMark requires the replacement
        self._line = lines.pop()
        for line in lines:
            yield from self._read_line(line, self._at)
            if _HARD_END.search(line):
                yield from self._end_block()
            self._at += len(line) + 1
            self._inside = False
        if final and self._line:
            yield from self._read_line(self._line, self._at)
            self._line = ""
        elif self._goes_on():
            # The line is certainly part of a paragraph: its complete words need not wait for the rest. Its end may
            # still have a meaning.
            ready = self._line.rstrip(" \t\r\\")
            yield from self._read_line(ready, self._at)
            self._at += len(ready)
            self._line, self._inside = self._line[len(ready) :], True
        elif self._fence and len(self._line) > _MAX_BLOCK:
            # Such a long line closes no block; only the number of a block's lines is needed.
            self._at += len(self._line) - 1
            self._line = "x"
        if final:
            yield from self._end_code()
            yield from self._end_block()

    def _goes_on(self) -> bool:
        if self._fence or not self._line:
            return False
        if self._inside or len(self._line) > _MAX_BLOCK:
            return True
        start = self._line.lstrip()
        indented = _INDENTED.match(self._line) and not self._block and not self._list
        return len(start) > _UNDECIDED and start[0].isalpha() and not indented

    def _read_line(self, line: str, at: int) -> Iterator[Event]:
        """Reads one line, or its received part."""
        text = MappedText.original(line.removesuffix("\r"), at)
        if self._inside:
            yield from self._grow(text)
            return
        quoted = _QUOTE.match(text.text) is not None
        if self._fence and self._quoted and not quoted:
            yield from self._end_code()
        if not self._fence or self._quoted:
            while quote := _QUOTE.match(text.text):
                text = text[quote.end() :]
        line = text.text
        if self._fence:
            if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
                yield from self._end_code()
            else:
                self._code += 1
            return
        if fence := _FENCE.match(line):
            yield from self._end_block()
            self._fence, self._quoted, self._code_at = fence["fence"], quoted, at
            self._kind = next(iter(_KIND.findall(fence["info"])), "")
            return
        if not line.strip():
            yield from self._end_block()
            return
        if _INDENTED.match(line) and not self._block and not self._list:
            self._code_at = self._code_at if self._indented else at
            self._indented += 1
            return
        yield from self._end_code()
        yield from self._classified(text)

    def _classified(self, text: MappedText) -> Iterator[Event]:
        line = text.text
        if _RULE.match(line) or _DEFINITION.match(line) or (_DELIMITERS.match(line) and "|" in line):
            yield from self._end_block()
        elif heading := _HEADING.match(line):
            yield from self._end_block()
            self._list = False
            text = text[heading.end() :].strip()
            yield from self._grow(text[: len(text.text.rstrip("#").rstrip())])
            yield from self._end_block()
        elif line.lstrip().startswith("|"):
            yield from self._end_block()
            yield from self._row(text)
        elif item := _ITEM.match(line):
            yield from self._end_block()
            self._list = True
            marker = text[: item.end()].strip() + text[item.end() - 1 : item.end()] if item["number"] else MappedText()
            yield from self._grow(marker + self._task(text[item.end() :]))
        else:
            if note := _FOOTNOTE.match(line):
                yield from self._end_block()
                text = text[note.end() :]
            if not self._block and not line[0].isspace():
                self._list = False
            yield from self._grow(text)

    def _task(self, text: MappedText) -> MappedText:
        task = _TASK.match(text.text)
        if task is None or self._words is None:
            return text
        state = self._words.open if task["mark"] == " " else self._words.done
        return MappedText.instead(state, *text.span(0, task.end())) + text[task.end() :]

    def _row(self, text: MappedText) -> Iterator[Event]:
        """Yields a row of a table: its cells as one sentence."""
        row = MappedText()
        start = 0
        for end in [*(match.start() for match in _CELL.finditer(text.text)), len(text)]:
            cell = text[start:end].strip()
            start = end + 1
            if cell and (spoken := self._spoken(cell)):
                row += MappedText.instead(", ", *cell.span()) + spoken if row else spoken
        if row:
            yield row
            yield SentenceEnd()

    def _grow(self, text: MappedText) -> Iterator[Event]:
        """Adds to the block, and yields its complete part."""
        if self._block and not self._inside and text:
            self._block += MappedText.instead("\n" if self._block.text[-1] == "-" else " ", *text.span(0, 1))
        self._block += text
        start = 0
        for match in _SENTENCE_END.finditer(self._block.text):
            # This includes the white space, so that the splitter sees the end.
            end = match.end() + 1
            while end - start > _MAX_BLOCK:
                cut = self._anywhere(start)
                yield self._spoken(self._block[start:cut])
                start = cut
            if _balanced(self._block.text[start:end]):
                yield self._spoken(self._block[start:end])
                start = end
        while len(self._block) - start > _MAX_BLOCK:
            cut = self._anywhere(start)
            yield self._spoken(self._block[start:cut])
            start = cut
        # The words after it show that a sentence has ended. The space stays, since a following bar may need it.
        cut = len(self._block.text[: self._block.text.rfind(" ", start) + 1].rstrip())
        if cut > start and _balanced(self._block.text[start:cut]):
            yield self._spoken(self._block[start:cut])
            start = cut
        self._block = self._block[start:]

    def _anywhere(self, start: int) -> int:
        """Returns the place to cut a block that is too long: at the last space within the limit, or else inside a
        word."""
        space = self._block.text.rfind(" ", start, start + _MAX_BLOCK)
        return space + 1 if space > start else start + _MAX_BLOCK

    def _end_block(self) -> Iterator[Event]:
        if self._block:
            yield self._spoken(self._block)
            self._block = MappedText()
        yield SentenceEnd()

    def _end_code(self) -> Iterator[Event]:
        lines = self._code if self._fence else self._indented
        opened, kind = bool(self._fence or self._indented), self._kind
        self._fence, self._code, self._indented, self._kind = "", 0, 0, ""
        if opened and lines:
            yield SentenceEnd()
            if self._words is None:
                yield Pause(_CODE_PAUSE_S)
            else:
                sentence = announced(self._words, kind, lines)
                yield MappedText.instead(sentence, self._code_at, max(self._at, self._code_at + 1))
            yield SentenceEnd()

    def _spoken(self, text: MappedText) -> MappedText:
        """Returns the text inside a block for speech."""
        if not re.search(r"[\\`*_~\[\]<&|]", text.text):
            return text
        text = text.sub(_COMMENT, "").sub(_FOOTNOTE_MARK, "").sub(_REFERENCE, lambda match: match["text"])
        text = text.sub(_BAR, ", ")  # a row of a table without bars at its ends
        if not text:
            return text
        if self._inline is None:
            try:
                from markdown_it import MarkdownIt
            except ImportError as error:
                raise HushdError(
                    "engine_missing", f"Markdown needs markdown-it-py, which is not installed: {extra_command('tts')}."
                ) from error
            self._inline = MarkdownIt("commonmark").enable("strikethrough")
        spoken, taken, put_in = MappedText(), 0, False
        tokens = self._inline.parseInline(text.text)[0].children
        for token in tokens:
            for part in _PARTS.findall(_heard(token, self._words if len(tokens) == 1 else None)):
                place = text.text.find(part, taken)
                # Space behind a word that hushd puts in is not that behind the next word of the text.
                if 0 <= place <= taken + _MAX_ADDRESS_CHARACTERS and not (put_in and part.isspace()):
                    taken, put_in = place + len(part), False
                    spoken += text[place:taken]
                    continue
                # An entity, an escape, or a word that hushd puts in.
                core = _CORE.search(part)
                place = text.text.find(core[0], taken) if core else -1
                at, length = (place, len(core[0])) if core and place >= 0 else (min(taken, len(text) - 1), 1)
                taken, put_in = max(taken, place + length) if place >= 0 else taken, core is not None and place < 0
                spoken += MappedText.instead(part, *text.span(at, at + length))
        # Space at either end separates the part from its neighbours.
        if text.text[0].isspace() and not spoken.text[:1].isspace():
            spoken = text[:1] + spoken
        return spoken + text[-1:] if text.text[-1].isspace() and not spoken.text[-1:].isspace() else spoken


def _heard(token: Any, words: Words | None) -> str:
    """Returns one token for speech; announces an image without text around it, if there are `words` for that."""
    if token.type in ("text", "code_inline"):
        return str(token.content)
    if token.type in ("softbreak", "hardbreak"):  # a soft break is here only behind a hyphen
        return "\n"
    if token.type == "image":
        return words.image.format(token.content.rstrip(".")) if words and token.content else str(token.content)
    return "\n" if token.type == "html_inline" and token.content.startswith("<br") else ""


def _balanced(text: str) -> bool:
    """Returns whether `text` has no open mark that later text could close.

    If that is true of two texts, it is true of both together, so the place of a cut does not change the speech.
    """
    return (
        text.count("`") % 2 == 0
        and len(re.findall(r"\*(?=\S)|(?<=\S)\*", text)) % 2 == 0
        and len(re.findall(r"(?<!\*)\*++(?=[^\s*])|(?<=[^\s*])\*++", text)) % 2 == 0
        and text.count("[") == text.count("]")
        and not re.search(r"\]\([^)]*\Z", text)  # a link's address; other brackets are text, as in :) and 1)
        and not re.search(r"<[A-Za-z/!][^>]*\Z", text)
        and text.count("~~") % 2 == 0
        and text.count("<!--") == text.count("-->")
        and len(re.findall(r"(?<!\w)_|_(?!\w)", text)) % 2 == 0
        and not text.endswith("|")
    )
