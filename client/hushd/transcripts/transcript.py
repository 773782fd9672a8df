"""A transcript: whole, and while it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from hushd_protocol.messages import Message, Partial, Progress, Result
from hushd_schema.results import LiveEvent, ResultWarning, SegmentData, TranscriptResult

from hushd.transcripts.segment import Layout, Segment, joined
from hushd.transport.steps import Blocking, Steps, run, verb
from hushd.warnings import UNLIKELY

from .formats import render

if TYPE_CHECKING:
    from hushd_schema.results import OnEvent, SpeakerVoice

    from hushd.transport.second_hearing import SecondHearing


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of one recording, in segments.

    Attributes:
        segments: in order of time.
        language: a code such as `en`; empty where the engine does not say.
        duration: seconds of audio.
        ended: what ended it: `input`, or, live, `endpoint` when the speaker stopped, `silence` when nobody spoke for
            the time set in a continuous session.
        warnings: reasons to doubt the text, such as a language that the model does not know.
        unlikely: the stretches of it, start and end in seconds, that are probably not what was said.
        language_probability: of `language`, from 0 to 1, where nobody named it, and a model found it and tells.
        voices: those of the speakers, with `voiceprints`.
        model: ENGINE/NAME of the model that has heard it again, since the usual one probably invented its text.
    """

    segments: tuple[Segment, ...]
    language: str = ""
    duration: float = 0.0
    ended: str = "input"
    warnings: tuple[ResultWarning, ...] = ()
    unlikely: tuple[tuple[float, float], ...] = ()
    language_probability: float | None = None
    voices: tuple[SpeakerVoice, ...] = ()
    model: str = ""

    @property
    def text(self) -> str:
        """The text of all segments in one line."""
        return joined(segment.text for segment in self.segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __str__(self) -> str:
        return self.text

    @property
    def diarized(self) -> bool:
        """True if the segments say who speaks."""
        return any(segment.speaker for segment in self.segments)

    def render(self, form: str, *, max_line_width: int = 42, max_line_count: int = 2) -> str:
        """Returns it in a format of `TRANSCRIPT_FORMATS`, such as `srt`; subtitles have lines of so many columns, and
        so many lines. Raises `bad_request` for another format."""
        return "".join(render(form, self, Layout(max_line_width, max_line_count)))


class IncomingTranscript:
    """Everything known of a transcript while it is made; the base of `Transcription` and `AsyncTranscription`.

    Attributes:
        language: as in `Transcript`; known with the first segment of a recording.
        language_probability, duration, ended, warnings, unlikely, voices, model: as in `Transcript`, known once the
            iteration has ended; `unlikely` until then is of the segments so far.
        diarized: whether segments say who speaks; known with the first one where two channels tell.
        rest_s: the second from which the rest of a recording can be requested, once the last segment was returned;
            segments that begin at or after it come again then.
    """

    def __init__(
        self,
        call: SecondHearing,
        on_progress: Callable[[float, float], None] | None = None,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: OnEvent | None = None,
        *,
        diarized: bool = False,
    ) -> None:
        self._call = call
        self._on_progress = on_progress
        self._on_partial = on_partial
        self._on_event = on_event
        self.diarized = diarized
        self.language = ""
        self.language_probability: float | None = None
        self.duration = 0.0
        self.ended = "input"
        self.warnings: tuple[ResultWarning, ...] = ()
        self.unlikely: tuple[tuple[float, float], ...] = ()
        self.voices: tuple[SpeakerVoice, ...] = ()
        self.model = ""
        self.rest_s = 0.0
        self._count = 0
        self._unjudged: list[tuple[float, float]] = []  # the times of segments whose verdict is to come

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._call.close()

    def wait_for_verdict(self) -> None:
        """Has the first segment wait until it is known whether it is `unlikely`, as later ones do."""
        self._call.hold()

    @verb
    def transcript(self) -> Steps[Transcript]:
        """Waits for the end; returns the segments that were not iterated over yet, as a transcript. Raises what went
        wrong."""
        self.wait_for_verdict()
        segments = []
        while segment := (yield from self._segment()):
            segments.append(segment)
        return self._transcript(tuple(segments))

    def _segment(self) -> Steps[Segment | None]:
        """Returns the next segment, as a procedure; None after the last."""
        while (message := (yield from self._call.receive())) is not None:
            if segment := self._handle(message):
                return segment
        return None

    def _handle(self, message: Message) -> Segment | None:
        if isinstance(message, Partial):
            return self._handle_partial(message)
        if isinstance(message, Progress) and self._on_progress:
            self._on_progress(message.done, message.total)
        elif isinstance(message, Result):
            result = TranscriptResult.from_data(message.data)
            self.language = result.language or self.language
            self.language_probability = result.language_probability
            self.duration = float(result.duration)
            self.ended = result.ended or "input"
            self.voices, self.model = result.voices, result.model
            # The result is of the rest alone, where a worker was lost: what was returned before has its own verdicts.
            self.unlikely = _united(*self.unlikely, *((each.start, each.end) for each in result.unlikely))
            self.warnings = _with_verdicts(result.warnings, self.unlikely)
        return None

    def _handle_partial(self, message: Partial) -> Segment | None:
        kind = message.data.get("kind")
        if kind == "segment":
            data = SegmentData.from_data(message.data)
            # Its number in the request that brought it begins at 0 again where a crash divided them.
            segment = replace(Segment.of(data), id=self._count)
            self._count += 1
            self.diarized |= segment.speaker != ""
            self.rest_s = segment.end if data.rest is None else float(data.rest)
            self.language = data.language or self.language
            if data.unjudged:
                self._unjudged.append((segment.start, segment.end))
            elif segment.unlikely:
                self.unlikely = _united(*self.unlikely, (segment.start, segment.end))
            return segment
        event = cast(LiveEvent, message.data)
        if kind == "unstable":
            if self._on_partial:
                self._on_partial(event.get("stable", ""), event.get("text", ""))
            return None
        if kind == "judged":
            self.unlikely = _united(*self.unlikely, *(self._unjudged if event.get("unlikely") else ()))
            self._unjudged = []
        elif self._on_event:
            self._on_event(str(kind), event)
        return None

    def so_far(self, segments: Iterable[Segment]) -> Transcript:
        """Returns these segments, perhaps those of an earlier request among them, with all verdicts on them."""
        segments = tuple(segments)
        marked = ((segment.start, segment.end) for segment in segments if segment.unlikely)
        unlikely = _united(*self.unlikely, *marked)
        return replace(self._transcript(segments), unlikely=unlikely, warnings=_with_verdicts(self.warnings, unlikely))

    def _transcript(self, segments: tuple[Segment, ...]) -> Transcript:
        return Transcript(
            segments,
            self.language,
            self.duration,
            self.ended,
            self.warnings,
            self.unlikely,
            self.language_probability,
            self.voices,
            self.model,
        )


def _united(*stretches: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Returns stretches in order of time, those that overlap as one."""
    united: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], end)
        else:
            united.append((start, end))
    return tuple(united)


def _with_verdicts(
    warnings: tuple[ResultWarning, ...], unlikely: tuple[tuple[float, float], ...]
) -> tuple[ResultWarning, ...]:
    """Returns warnings with one of the `unlikely` stretches, if none of them says so."""
    if not unlikely or any(warning.code == UNLIKELY for warning in warnings):
        return warnings
    where = " and ".join(f"from {start:.0f} s to {end:.0f} s" for start, end in unlikely)

    message = f"The text {where} is probably not the spoken text."
    return *warnings, ResultWarning(code=UNLIKELY, message=message)


class Transcription(IncomingTranscript, Blocking, Iterator[Segment]):
    """Iterates over the segments as they become known. Attributes: those of `IncomingTranscript`."""

    def __next__(self) -> Segment:
        if segment := run(self._segment()):
            return segment
        raise StopIteration
