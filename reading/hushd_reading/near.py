"""Tokens, and what stands beside a part of a text, by which its class is decided."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .language import Language

Parts = dict[str, str]


class Token(NamedTuple):
    """A part of a text that is not read as it is written.

    Attributes:
        kind: its class, such as `date`.
        parts: of the pattern's groups those that are there, by name.
    """

    kind: str
    start: int
    end: int
    parts: Mapping[str, str]


class Near(NamedTuple):
    """Neighbours of a match."""

    text: str
    start: int
    end: int
    language: Language

    def word_before(self) -> str:
        """Returns the word before, in lower case, without signs around it."""
        words = _WORDS.findall(self.text, max(0, self.start - 60), self.start)
        return words[-1].lower() if words else ""

    def word_after(self) -> str:
        """Returns the word that follows, as it is written; nothing if another sign does."""
        match = _NEXT.match(self.text, self.end)
        return match[1] if match else ""

    @property
    def before(self) -> str:
        """The characters right before, without blanks at their end."""
        return self.text[max(0, self.start - 60) : self.start].rstrip()

    @property
    def after(self) -> str:
        return self.text[self.end : self.end + 60]

    def cued(self, *cues: str) -> bool:
        """Returns whether the word right before is in one of these lists of the language, or the one before that in a
        list of games, ratios or dates."""
        beside = _BESIDE.search(self.text[max(0, self.start - 60) : self.start])
        for cue in cues:
            words = {beside[1].lower()} if beside else set()
            if cue in _FAR:
                clause = _CLAUSE.split(self.text[max(0, self.start - 60) : self.start])[-1]
                far = _WORDS.findall(clause)[-2:]
                weak = cue == "date" and clause.rstrip().endswith(",") and len("".join(far[:1])) < 4  # der Leute, 1/4
                words |= {word.lower() for word in far[weak:]}
            if words & self.language.words(f"cues.{cue}"):
                return True
        return False

    def follows(self, *cues: str) -> bool:
        """Returns whether the word after is in one of these lists."""
        word = self.word_after().lower()
        return any(word in self.language.words(f"cues.{cue}") for cue in cues)


_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_BESIDE = re.compile(r"\b([^\W\d_]{1,30})\s?[.:'’]?\s?\Z")
_CLAUSE = re.compile("[.;:!?()]")
_FAR = ("score", "ratio", "date")
_NEXT = re.compile(r"[ \u00a0\u202f\u2009]([^\W\d_]+(?:['’-][^\W\d_]+)*)")
