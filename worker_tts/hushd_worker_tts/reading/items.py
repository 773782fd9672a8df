"""The items of a text: pieces to speak, and pauses and changes between them."""

from __future__ import annotations

from typing import NamedTuple

from .source_map import MappedText


class Piece(NamedTuple):
    """A sentence, or a part of one.

    Attributes:
        mapped: the engine's text, with the place of each character in the request.
        ends: whether the sentence ends with this piece.
    """

    mapped: MappedText
    ends: bool

    @property
    def text(self) -> str:
        return self.mapped.text


class Pause(NamedTuple):
    """Silence, in addition to the engine's own pause at the end of a sentence."""

    seconds: float


class Rate(NamedTuple):
    """A new rate from here on.

    Attributes:
        wpm: words per minute; None: the request's own rate.
        relative: whether `wpm` is added to the request's own rate.
        factor: a factor for the resulting rate.
    """

    wpm: float | None = None
    relative: bool = False
    factor: float = 1.0


class Volume(NamedTuple):
    """A new volume from here on, as a factor of the request's own."""

    factor: float


class Speaker(NamedTuple):
    """A new voice from here on, by name, or else by language; the request's own if both are None."""

    voice: str | None = None
    language: str | None = None


class SentenceEnd(NamedTuple):
    """The end of a sentence by markup: a heading, a list item, a paragraph. Only used within reading."""


Change = Pause | Rate | Volume | Speaker
Item = Piece | Change
# From the readers of markup to the splitter of sentences.
Event = MappedText | Change | SentenceEnd
