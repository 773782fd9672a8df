"""The events of a live session besides its segments, and all pieces of a result as the data of `Partial` messages."""

from __future__ import annotations

from dataclasses import dataclass

from hushd_schema.results import LiveEvent, SegmentData, WordData

from hushd_worker_stt.engine import DetectedLanguage, Segment


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
class Judged:
    """The verdict on the segments that were sent `unjudged`; `doubtful`: likely, and another model knows better."""

    unlikely: bool
    doubtful: bool = False


Event = Segment | Unstable | Began | Ended | Nothing | Judged


def of_segment(
    number: int, segment: Segment, language: str = "", detected: DetectedLanguage | None = None
) -> SegmentData:
    """Returns the data of a segment; times are to the millisecond, and texts what can be sent; `detected`: if a model
    has found the `language`."""
    return SegmentData(
        kind="segment",
        id=number,
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        text=_whole(segment.text),
        speaker=segment.speaker,
        language=language,
        language_probability=probability(detected.probability if detected else None),
        unlikely=segment.unlikely,
        unjudged=segment.unjudged,
        words=tuple(
            WordData(
                word=_whole(word.text),
                start=round(word.start, 3),
                end=round(word.end, 3),
                probability=probability(word.probability),
            )
            for word in segment.words
        ),
    )


def _whole(text: str) -> str:
    """Returns a text in which `?` stands for each half of a character, as JSON of others may have it."""
    return text.encode(errors="replace").decode()


def probability(value: float | None) -> float | None:
    """Returns a probability with four decimals, at most 1, which sums of rounded numbers may exceed; None for NaN."""
    return None if value is None or value != value else round(min(1.0, max(0.0, value)), 4)


def of_event(event: Unstable | Began | Ended | Nothing | Judged) -> LiveEvent:
    """Returns the data of an event that is not a segment."""

    kind = type(event).__name__.lower()
    match event:
        case Began():
            return {"kind": kind, "start": round(event.start, 3)}
        case Judged():
            return {"kind": kind, "unlikely": event.unlikely, "doubtful": event.doubtful}
        case Unstable():
            return {"kind": kind, "stable": _whole(event.stable), "text": _whole(event.text)}
    return {"kind": kind}
