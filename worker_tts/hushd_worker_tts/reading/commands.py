"""Reads plain text with the commands of macOS's `say`: `[[slnc 500]]`, `[[rate 180]]`, `[[volm 0.5]]`, `[[rset 0]]`.

Its other commands have no meaning here and are skipped. Double brackets around anything else are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .items import Change, Event, Pause, Rate, Volume
from .source_map import MappedText

# Characters of a command; an opening bracket that is not closed within them is text.
_MAX_COMMAND = 200
_NAMES = "bord|char|cmnt|ctxt|dlim|emph|inpt|nmbr|pbas|pmod|rate|rset|slnc|sync|tune|vers|volm|xtnd"
_COMMANDS = re.compile(rf"\[\[\s*(?P<body>(?:{_NAMES})\b[^\[\]]{{0,{_MAX_COMMAND}}})\]\]")
_NUMBER = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)")
_MAX_PAUSE_S = 60.0


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
            return Pause(min(amount / 1000, _MAX_PAUSE_S))
        if name == "rate" and (amount > 0 or sign):
            return Rate(wpm=-amount if sign == "-" else amount, relative=bool(sign))
        if name == "volm":
            self._volume = {"": amount, "+": self._volume + amount, "-": self._volume - amount}[sign]
            self._volume = min(max(self._volume, 0.0), 1.0)
            return Volume(self._volume)
        return None
