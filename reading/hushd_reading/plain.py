"""Reads plain text: without the thoughts of a model, and with the commands of macOS's `say`.

Thoughts are `<think>…</think>` at the beginning of a line. The commands are `[[slnc 500]]`, `[[rate 180]]`,
`[[volm 0.5]]` and `[[rset 0]]`; others have no meaning here and are skipped. Double brackets around anything else are
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .items import MAX_PAUSE_S, Change, Event, MappedText, Pause, Rate, Volume

# Characters of a command; an opening bracket that is not closed within them is text.
_MAX_COMMAND = 200
_NAMES = "bord|char|cmnt|ctxt|dlim|emph|inpt|nmbr|pbas|pmod|rate|rset|slnc|sync|tune|vers|volm|xtnd"
_COMMANDS = re.compile(rf"\[\[\s*(?P<body>(?:{_NAMES})\b[^\[\]]{{0,{_MAX_COMMAND}}})\]\]")
_NUMBER = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)")


class Commands:
    """Reads text as it arrives; holds back at most an open bracket."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._volume = 1.0

    def add(self, text: str, final: bool = False) -> Iterator[Event]:
        self._text += text
        taken = 0
        for match in _COMMANDS.finditer(self._text):
            yield MappedText.original(self._text[taken : match.start()], self._at + taken)
            for command in match["body"].split(";"):
                if (change := self._change(command)) is not None:
                    yield change
            taken = match.end()
        end = len(self._text)
        if not final:
            opened = self._text.find("[[", max(taken, end - _MAX_COMMAND - 10))
            end = opened if opened >= 0 else end - self._text.endswith("[")
        yield MappedText.original(self._text[taken:end], self._at + taken)
        self._at += end
        self._text = self._text[end:]

    def _change(self, command: str) -> Change | None:
        name, _, value = command.strip().partition(" ")
        if name == "rset":
            self._volume = 1.0
            return Rate()
        number = _NUMBER.search(value)
        if number is None:
            return None
        sign, amount = number[1], float(number[2])
        if name == "slnc":
            return Pause(min(amount / 1000, MAX_PAUSE_S))
        if name == "rate" and (amount > 0 or sign):
            return Rate(wpm=-amount if sign == "-" else amount, relative=bool(sign))
        if name == "volm":
            self._volume = {"": amount, "+": self._volume + amount, "-": self._volume - amount}[sign]
            self._volume = min(max(self._volume, 0.0), 1.0)
            return Volume(self._volume)
        return None


_UNSEEN = "\u200b"  # sign in the place of each that is left out, so that the others keep theirs
_OPENED = re.compile(r"(?:(?<=\n)|\A)[^\S\n]*<think(?:ing)?>", re.IGNORECASE)
_CLOSED = re.compile(r"</think(?:ing)?>\s?", re.IGNORECASE)
_HELD = len("</thinking> ")  # signs that may be the beginning of a mark
_BEGUN = re.compile(r"[^\S\n]{0,40}(?:<[a-z/]{0,9})?\Z", re.IGNORECASE)


def without_thoughts(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yields the slices of a text with its thoughts unseen, however they are cut; one without an end takes the rest."""
    held, thinking, line_begins = "", False, True
    for text, final in slices:
        text, shown = held + text, ""
        held = ""
        while text:
            if thinking:
                closed = _CLOSED.search(text)
                end = closed.end() if closed else len(text) if final else max(0, len(text) - _HELD)
                shown, text, thinking = shown + _UNSEEN * end, text[end:], closed is None
                if thinking:
                    held, text = text, ""
                line_begins = not thinking or line_begins
                continue
            opened = next((match for match in _OPENED.finditer(text) if match.start() or line_begins), None)
            if opened:
                shown += _closing(text[: opened.start()]) + _UNSEEN * len(opened[0])
                text, thinking = text[opened.end() :], True
                continue
            end = len(text) if final else _safe(text, line_begins=line_begins)
            shown, held, text = shown + _closing(text[:end]), text[end:], ""
        if shown and shown.strip(_UNSEEN):
            line_begins = shown.rstrip(_UNSEEN).endswith("\n")
        yield shown, final


def _closing(text: str) -> str:
    """Returns the text without a mark that closes a thought whose beginning was not sent."""
    return _CLOSED.sub(lambda match: _UNSEEN * len(match[0]), text)


def _safe(text: str, *, line_begins: bool) -> int:
    """Returns the length of the text before a line's beginning, or a closing mark, that may become a mark."""
    line = text.rfind("\n") + 1
    if (line or line_begins) and _BEGUN.fullmatch(text[line:]):
        return line
    begun = text.rfind("<", max(0, len(text) - _HELD))
    return begun if begun >= 0 and "</thinking>".startswith(text[begun:].lower()) else len(text)


_SILENT_TAG = re.compile(r"<(style|script|title)\b[^<>]{0,500}>", re.IGNORECASE)


def without_scripts(slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yields the slices of a page with its styles, scripts and title unseen; a text that begins without a tag as it
    is."""
    held, page = "", None  # whether it is one, once its first sign is here
    end: re.Pattern[str] | None = None  # end of the open tag
    for text, final in slices:
        text, shown = held + text, ""
        if page is None and text.strip():
            page = text.lstrip().startswith("<")
        while page and (match := (end or _SILENT_TAG).search(text)):
            start = 0 if end else match.start()
            shown += text[:start] + _UNSEEN * (match.end() - start)
            text = text[match.end() :]
            end = None if end else re.compile(rf"</{match[1]}\s*>", re.IGNORECASE)
        begun = text.rfind("<", max(0, len(text) - 520)) if page and not final else -1
        cut = len(text) if begun < 0 or ">" in text[begun:] else begun
        yield shown + (_UNSEEN * cut if end else text[:cut]), final
        held = text[cut:]
