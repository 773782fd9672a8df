"""The verdicts on a transcript: nothing that happens on its way loses one."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hushd.transcripts.transcript import IncomingTranscript
from hushd.transport.second_hearing import SecondHearing
from hushd.transport.steps import Steps, run
from hushd_protocol.messages import Message, Partial, Result

RESULT: dict[str, Any] = {"language": "en", "duration": 9.0, "segments": 3}
SAID = {"code": "unlikely_text", "message": "This is probably not the spoken text."}


def part(start: float, **data: Any) -> dict[str, Any]:
    return {"kind": "segment", "id": 0, "start": start, "end": start + 2.0, "text": "Bon.", **data}


class Answers:
    """A call that answers with these data."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)

    def hold(self) -> None:
        pass

    def receive(self) -> Steps[Message | None]:
        yield from ()
        data = self._answers.pop(0) if self._answers else None
        return data and (Partial(id=b"a", seq=0, data=data) if "kind" in data else Result(id=b"a", data=data))


def transcription(*answers: dict[str, Any]) -> IncomingTranscript:
    return IncomingTranscript(cast(SecondHearing, Answers(*answers)))


@pytest.mark.parametrize(("answers", "unlikely"), [
    ((part(0.0), RESULT), ()),
    ((part(0.0, unlikely=True), part(4.0), RESULT), ((0.0, 2.0),)),
    ((part(0.0, unjudged=True), {"kind": "judged", "unlikely": True}, part(4.0), RESULT), ((0.0, 2.0),)),
    ((part(0.0, unjudged=True), {"kind": "judged", "unlikely": False}, part(4.0), RESULT), ()),
    (
        (part(0.0, unlikely=True), part(4.0, unlikely=True), RESULT | {"unlikely": [{"start": 4.0, "end": 9.0}]}),
        ((0.0, 2.0), (4.0, 9.0)),
    ),
    (
        (part(0.0, unlikely=True), part(2.5, unlikely=True), RESULT | {"unlikely": [{"start": 0.0, "end": 4.5}]}),
        ((0.0, 4.5),),
    ),
])  # fmt: skip
def test_a_verdict_outlives_the_worker_that_gave_it(answers: Any, unlikely: tuple[tuple[float, float], ...]) -> None:
    """A result is of the rest alone where a worker was lost: the marks of the segments before it count, too, also that
    of a first text, which comes after it; what is marked twice is one stretch, and has one warning."""
    said = {"warnings": [SAID]} if answers[-1].get("unlikely") else {}
    transcript = run(IncomingTranscript.transcript(transcription(*answers[:-1], answers[-1] | said)))
    assert transcript.unlikely == unlikely
    assert [warning.code for warning in transcript.warnings] == ["unlikely_text"] * bool(unlikely)


def test_the_segments_of_an_earlier_request_keep_their_marks() -> None:
    """`listen --resume` has them from its journal: the transcript says so, and so does the exit code."""
    earlier = run(IncomingTranscript.transcript(transcription(part(0.0, unlikely=True))))
    rest = transcription(part(4.0), RESULT)
    transcript = rest.so_far((*earlier.segments, *run(IncomingTranscript.transcript(rest)).segments))
    assert transcript.unlikely == ((0.0, 2.0),)
    assert [warning.code for warning in transcript.warnings] == ["unlikely_text"]
