"""The answers to `detect`: each word once it is detected, and the result. Times are seconds of the audio sent."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionData(Record):
    """A detected word.

    Attributes:
        kind: `detection`.
        word: as in the request.
        name: the model's own name for it, such as `okay_nabu`.
        at: when the worker was sure of it.
        end: where to continue listening: the beginning of the pause after the word or, without a pause, of the word
            itself.
        probability: the model's; None if it reports none.
    """

    kind: str
    word: str
    name: str
    at: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionResult(Record):
    """The result of `detect`: the seconds of audio, and the number of words."""

    duration: float
    detections: int
