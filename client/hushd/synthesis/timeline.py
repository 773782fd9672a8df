"""The timeline of a speech: its sentences and words with their places in text and sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass

if TYPE_CHECKING:
    from hushd_schema.results import SentenceData, SpokenData


@dataclass(frozen=True, slots=True)
class Spoken:
    """A part of the text and its place in the audio.

    Attributes:
        start, end: seconds of the speech.
        text_start, text_end: characters (code points) of the text that was sent.
    """

    start: float
    end: float
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True)
class Sentence(Spoken):
    """A sentence, or a part of one that is spoken in one go, and its words in their order.
    `estimated`: whether the words' times are shared out by their letters, since the voice does not report them."""

    words: tuple[Spoken, ...] = ()
    estimated: bool = False

    @classmethod
    def of(cls, data: SentenceData) -> Sentence:
        """From a worker's `partial` of the kind `sentence`."""
        words = tuple(Spoken(*_place(word)) for word in data.words)
        return cls(*_place(data), words, data.estimated)


def _place(data: SpokenData) -> tuple[float, float, int, int]:
    return float(data.start), float(data.end), data.text_start, data.text_end
