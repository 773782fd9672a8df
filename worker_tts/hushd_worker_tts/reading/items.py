"""What reading a text yields: pieces to speak, and what happens between them."""

from __future__ import annotations

from typing import NamedTuple

from .source_map import MappedText


class Piece(NamedTuple):
    """A sentence, or a part of one: `ends` is whether the sentence ends with it. `traced` knows, for each character
    of the text the engine gets, which characters of the request it stands for."""

    traced: MappedText
    ends: bool

    @property
    def text(self) -> str:
        return self.traced.text


class Pause(NamedTuple):
    """Silence, besides what an engine makes at the end of a sentence."""

    seconds: float


class Rate(NamedTuple):
    """Another rate from here on: `wpm` words a minute (with `relative`, that many more), else the request's own; times
    `factor`."""

    wpm: float | None = None
    relative: bool = False
    factor: float = 1.0


class Volume(NamedTuple):
    """Another volume from here on, times the request's own."""

    factor: float


class Speaker(NamedTuple):
    """Another voice from here on, by name, else by the language it speaks; the request's own where both are None."""

    voice: str | None = None
    language: str | None = None


class SentenceEnd(NamedTuple):
    """What comes next begins a sentence: a heading, an item, a paragraph. Stays within the reading."""


Change = Pause | Rate | Volume | Speaker
Item = Piece | Change
# What the reader of a markup gives to the splitter of sentences.
Event = MappedText | Change | SentenceEnd
