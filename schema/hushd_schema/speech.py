"""The answers to `synthesize` besides its audio: the timeline's sentences, and the result.

Times are seconds of the speech; places are characters (code points) of the text that was sent.
"""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record
from .warned import Warned


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenData(Record):
    """A part of the text, and when it is heard."""

    start: float
    end: float
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceData(SpokenData):
    """A sentence, or a part of one that is spoken in one go.

    Attributes:
        kind: `sentence`.
        estimated: whether the words' times are shared out by their letters.
    """

    kind: str
    words: tuple[SpokenData, ...]
    estimated: bool


IMITATED = "imitated_voice"  # the warning of a speech in the voice of a person


def imitation_mark(name: str) -> str:
    """Returns the comment by which a file says that the voice of a person is imitated in it."""
    return f"Synthetic speech in the voice of {name}, made by hushd."


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechResult(Warned):
    """The result of `synthesize`.

    Attributes:
        rate: of the audio, in Hz.
        speed: at which it was spoken, 1 being natural.
        sentences: their number.
        imitates: the person whose voice is imitated; empty where it is nobody's.
    """

    duration: float
    rate: int
    voice: str
    speed: float
    sentences: int
    imitates: str = ""
