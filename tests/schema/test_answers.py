"""The answers of workers as records: the wire stays as it is, and the answer of another version is read."""

from __future__ import annotations

from typing import Any

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import IncomingTranscript
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Partial, Result
from hushd_schema.description import Descriptions, HearingEngine, read
from hushd_schema.operations.models import ModelResult
from hushd_schema.record import Record
from hushd_schema.results import SegmentData, Sentence, SpeechResult, TranscriptResult
from hushd_schema.status import Status
from support.refusals import hushd_error

WORD = {"word": "tried.", "start": 0.7, "end": 1.5}
SEGMENT: dict[str, Any] = {"kind": "segment", "id": 0, "start": 0.0, "end": 1.5, "text": "Ever tried."}
SENTENCE: dict[str, Any] = {
    "kind": "sentence", "start": 0.0, "end": 1.5, "text_start": 0, "text_end": 11, "estimated": True,
    "words": [{"start": 0.0, "end": 0.7, "text_start": 0, "text_end": 4}],
}  # fmt: skip
TRANSCRIPT: dict[str, Any] = {"language": "en", "duration": 1.5, "segments": 1}
SPEECH: dict[str, Any] = {"duration": 1.5, "rate": 24000, "voice": "heart", "speed": 1.0, "sentences": 1}
NO_CALL: Any = None  # messages are taken by hand
WARNINGS = [{"code": "clipped", "message": "It is too loud."}]


def taken(incoming: Any, *messages: Message) -> list[Any]:
    return [incoming._handle(message) for message in messages]


@pytest.mark.parametrize(("record", "data"), [
    (SegmentData, SEGMENT),
    (SegmentData, SEGMENT | {"speaker": "SPEAKER_00", "words": [WORD], "rest": 1.5, "language": "en"}),
    (SegmentData, SEGMENT | {"rest": 0.0, "unlikely": True}),
    (TranscriptResult, TRANSCRIPT),
    (TranscriptResult, TRANSCRIPT | {"ended": "silence", "speakers": 0, "warnings": WARNINGS}),
    (TranscriptResult, TRANSCRIPT | {"language": "", "unlikely": [{"start": 0.0, "end": 1.5}]}),
    (Sentence, SENTENCE), (SpeechResult, SPEECH),
    (SpeechResult, SPEECH | {"warnings": WARNINGS}),
])  # fmt: skip
def test_what_is_read_is_written_again(record: Any, data: dict[str, Any]) -> None:
    """Key by key: those that are always sent stay, and those that are left out where there is nothing stay away."""
    assert record.from_data(data).data() == data


def test_a_transcript_of_another_version_is_read() -> None:
    """Keys that are not known are passed over; without `rest` a segment's end counts, without the rest nothing does."""
    incoming = IncomingTranscript(NO_CALL)
    made = taken(incoming, Partial(id=b"", seq=0, data={"kind": "segment", "end": 2, "text": "Yes.", "mood": "good"}))
    assert made == [Segment(0, 0.0, 2.0, "Yes.")]
    assert (incoming.rest_s, incoming.language) == (2.0, "")
    taken(incoming, Result(id=b"", data={"mood": "good"}))
    assert (incoming.duration, incoming.ended, incoming.warnings, incoming.unlikely) == (0.0, "input", (), ())
    with_words = SEGMENT | {"words": [WORD], "rest": 1.25, "language": "en"}
    (segment,) = taken(incoming, Partial(id=b"", seq=1, data=with_words))
    assert (segment.id, segment.words, incoming.rest_s) == (1, (Word("tried.", 0.7, 1.5),), 1.25)


@pytest.mark.parametrize(
    "odd", [{"start": "soon"}, {"end": 1e300}, {"end": 10**400}, {"words": ["tried."]}, {"text": 5}]
)
def test_a_segment_that_is_none_is_one_sentence(odd: dict[str, Any]) -> None:
    """No traceback of a TypeError or KeyError reaches the program."""
    with hushd_error("protocol_error"):
        taken(IncomingTranscript(NO_CALL), Partial(id=b"", seq=0, data=SEGMENT | odd))


@pytest.mark.parametrize(
    "kind", [TranscriptResult, SpeechResult, Sentence, SegmentData, ModelResult, Status, Descriptions]
)
def test_an_answer_that_cannot_be_read_names_who_sent_it(kind: type[Record]) -> None:
    """A worker that has spoilt its answer is ended; a supervisor of another version is started anew."""
    sender, remedy = ("supervisor", "restart") if kind in (Status, Descriptions) else ("worker", "unload")
    why = "cannot be read, for it must be a map, not 3"
    with hushd_error("protocol_error", has=f"The {sender}'s answer {why}: `hushd {remedy}`"):
        kind.from_data(3)


def test_a_description_is_read_whatever_its_version() -> None:
    """A role without engines is one; a field of another kind is named, with its value."""
    described = read("stt", {"engines": [{"name": "own", "mood": "good"}]})
    (engine,) = described.engines
    assert isinstance(engine, HearingEngine)
    assert (engine.name, engine.installed, engine.models, engine.options) == ("own", False, (), None)
    with pytest.raises(
        HushdError,
        match=r"The description of the role tts cannot be read, for its engines\.0\.voices must be a list, not 'many'",
    ):
        read("tts", {"engines": [{"voices": "many"}]})
