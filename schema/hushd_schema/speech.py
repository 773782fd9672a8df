"""The answers to `synthesize` besides its audio: the sentences of the timeline, and the result.

Times are seconds of the speech; positions are characters (code points) of the text in the request.
"""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record
from .warned import Warned


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenData(Record):
    """A part of the text with its time in the speech."""

    start: float
    end: float
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceData(SpokenData):
    """A sentence, or a part of one that is spoken at once.

    Attributes:
        kind: `sentence`.
        estimated: whether the words' times are estimated by their letters.
    """

    kind: str
    words: tuple[SpokenData, ...]
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechResult(Warned):
    """The result of `synthesize`.

    Attributes:
        rate: the sample rate in Hz.
        speed: the speed of the speech; 1 is natural.
        sentences: the number of sentences.
    """

    duration: float
    rate: int
    voice: str
    speed: float
    sentences: int
