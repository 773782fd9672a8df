"""The items of a text: pieces to speak, which remember the source of each character however they are rewritten,
and pauses and changes between them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

# A character of Unicode's private use area in the place of a formula; `reader` removes it from texts.
FORMULA = "\ue002"


class MappedText:
    """A text whose character i stands for the characters `starts[i]`..`ends[i]` of the original.

    Immutable: every operation returns a new one.
    """

    __slots__ = ("ends", "starts", "text")

    def __init__(self, text: str = "", starts: array[int] | None = None, ends: array[int] | None = None) -> None:
        self.text = text
        self.starts: array[int] = array("q") if starts is None else starts
        self.ends: array[int] = array("q") if ends is None else ends

    @classmethod
    def original(cls, text: str, at: int = 0) -> MappedText:
        """Returns `text`, which is unchanged in the original from `at` on."""
        return cls(text, array("q", range(at, at + len(text))), array("q", range(at + 1, at + len(text) + 1)))

    @classmethod
    def instead(cls, text: str, start: int, end: int) -> MappedText:
        """Returns `text` as a replacement for the original's `start`..`end`."""
        return cls(text, array("q", [start]) * len(text), array("q", [end]) * len(text))

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, part: slice) -> MappedText:
        return MappedText(self.text[part], self.starts[part], self.ends[part])

    def __add__(self, other: MappedText) -> MappedText:
        if not self.text:
            return other
        return MappedText(self.text + other.text, self.starts + other.starts, self.ends + other.ends)

    def span(self, start: int = 0, end: int | None = None) -> tuple[int, int]:
        """Returns the part of the original for which the characters `start`..`end`, at least one, stand."""
        part = slice(start, end)
        return min(self.starts[part]), max(self.ends[part])

    def same_length(self, text: str) -> MappedText:
        """Returns a text of the same length with the same sources."""
        return MappedText(text, self.starts, self.ends)

    def strip(self) -> MappedText:
        text = self.text
        start = len(text) - len(text.lstrip())
        return self if len(text.strip()) == len(text) else self[start : start + len(text.strip())]

    def sub(self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]) -> MappedText:
        """Replaces like `re.sub`, without templates; a replacement stands for all the text that it replaces."""
        result = MappedText()
        taken = 0
        for match in pattern.finditer(self.text):
            start, end = match.span()
            new = replacement if isinstance(replacement, str) else replacement(match)
            if start == end or new == match[0]:
                continue
            result += self[taken:start]
            result += MappedText.instead(new, *self.span(start, end))
            taken = end
        return self if taken == 0 else result + self[taken:]


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


MAX_PAUSE_S = 60.0  # seconds of one command


class Pause(NamedTuple):
    """Silence, in addition to the engine's own pause at the end of a sentence."""

    seconds: float


class Rate(NamedTuple):
    """A new rate from here on.

    Attributes:
        wpm: words per minute; None: the request's own rate.
        relative: whether `wpm` is added to the request's own rate.
        factor: what the resulting rate is multiplied by.
    """

    wpm: float | None = None
    relative: bool = False
    factor: float = 1.0


class Volume(NamedTuple):
    """A new volume from here on, as a factor of the request's own."""

    factor: float


class SentenceEnd(NamedTuple):
    """The end of a sentence by markup: a heading, a list item, a paragraph. Only used within reading."""


Change = Pause | Rate | Volume
Item = Piece | Change
# Readers of markup pass these to the splitter of sentences.
Event = MappedText | Change | SentenceEnd


class MarkupReader(Protocol):
    """A reader of one kind of markup."""

    def add(self, text: str, final: bool = False) -> Iterator[Event]:
        """Yields the events that `text` completes; with `final`, all remaining ones. Exhaust it before the next
        call."""
