"""The answers to `detect`: each word as soon as it was heard, and the result. Times are seconds of the audio sent."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionData(Record):
    """A word that was heard.

    Attributes:
        kind: `detection`.
        word: as the request has it.
        name: the model's own name for it, such as `okay_nabu`.
        at: when the worker was sure of it.
        end: where to listen on: the beginning of the pause after the word or, where nobody paused, of the word itself.
        probability: the model's; None where it tells none.
    """

    kind: str
    word: str
    name: str
    at: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionResult(Record):
    """The result of `detect`: the seconds heard, and how many words."""

    duration: float
    detections: int
