"""The events of a live session, besides its segments."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from hushd_worker_stt.engine import Segment


@dataclass(frozen=True, slots=True)
class Unstable:
    """The unfinished utterance: `stable` will not change before its segment, `text` after it may."""

    stable: str
    text: str


@dataclass(frozen=True, slots=True)
class Began:
    """Speech began at `start`, in seconds of audio. Sent at once, before there is any text."""

    start: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance has ended, after all of its segments, of which a long utterance has several."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The last `Began` was not speech but a cough."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The present guess that the speech since `start`, in seconds, without a segment yet, is `speaker`'s."""

    start: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Revised:
    """The corrected `speaker` of the segments with these numbers."""

    segments: tuple[int, ...]
    speaker: str


Event = Segment | Unstable | Began | Ended | Nothing | Speaker | Revised
