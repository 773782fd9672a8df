"""Tests of how often a request is sent again."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hushd.transport.attempts import GONE, MAX_LOST, Attempts
from hushd.transport.source import Stream
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Partial, Request

ASKED = Request(id=b"1" * 16, worker="stt/echo/a", op="transcribe", input="none")
SEGMENT = Partial(id=ASKED.id, seq=0, data={"kind": "segment", "end": 1.5, "text": "Good"})


def lost(code: str) -> HushdError:
    return HushdError(code, "It went away.")


@pytest.mark.parametrize("code", GONE)
def test_who_meets_one_supervisor_after_another_that_leaves_asks_the_next(code: str) -> None:
    """One that closes may let somebody in once more: a few in a row are nobody's fault, and there is an end."""
    attempts = Attempts(ASKED, None, pulls=False)
    ids = {attempts.request.id}
    for _ in range(MAX_LOST):
        assert attempts.again(lost(code))
        ids.add(attempts.request.id)
    assert len(ids) == 1 + MAX_LOST
    assert not attempts.again(lost(code))


def test_of_a_transcript_that_was_begun_the_rest_is_asked_for_until_nothing_new_comes() -> None:
    """Each death after a new segment asks for the missing rest; the second that brought nothing is raised."""
    attempts = Attempts(ASKED, None, pulls=False)
    for _ in range(MAX_LOST + 2):
        assert attempts.is_new(SEGMENT)
        assert attempts.again(lost("supervisor_lost"))
        assert attempts.request.params["start_s"] == 1.5
    assert attempts.again(lost("supervisor_lost"))
    assert not attempts.again(lost("supervisor_lost"))


LIVE = Request(id=ASKED.id, worker="stt/echo/a", op="transcribe", input="stream", session=True)
UNFINISHED = Partial(id=ASKED.id, seq=1, data={"kind": "partial", "text": "Goo"})


@pytest.mark.parametrize("code", [*GONE, "worker_stopped", "worker_crashed", "slow_consumer"])
def test_of_live_speech_all_that_is_kept_is_sent_again(code: str) -> None:
    """The caller gets each utterance once; an end that came before anything new is raised."""
    attempts = Attempts(LIVE, Stream([b"audio"]), pulls=False)
    ids = {attempts.request.id}
    for number in range(3):
        for known in range(number):
            assert not attempts.is_new(UNFINISHED)
            assert not attempts.is_new(_segment(known))
        assert attempts.is_new(UNFINISHED)
        assert attempts.is_new(_segment(number))
        assert attempts.again(lost(code))
        ids.add(attempts.request.id)
    assert len(ids) == 4
    assert not attempts.again(lost("worker_stopped"))


@pytest.mark.parametrize("code", [*GONE, "worker_stopped", "worker_crashed", "slow_consumer"])
def test_of_live_speech_a_supervisor_may_leave_after_the_failure(code: str) -> None:
    """A worker that dies under a supervisor that was told to leave is its last one: who asks again may find it leaving,
    and is not lost for that."""
    attempts = Attempts(LIVE, Stream([b"audio"]), pulls=False)
    assert attempts.is_new(_segment(0))
    assert attempts.again(lost(code))
    assert attempts.again(lost("supervisor_lost"))
    assert not attempts.is_new(_segment(0))
    assert attempts.is_new(_segment(1))


def test_live_speech_that_is_made_out_differently_ends_with_the_first_failure() -> None:
    """Nothing that the caller has can be taken back."""
    attempts = Attempts(LIVE, Stream([b"audio"]), pulls=False)
    assert attempts.is_new(_segment(0))
    assert attempts.again(lost("shutting_down"))
    with pytest.raises(HushdError, match="It went away") as failed:
        attempts.is_new(_segment(1))
    assert failed.value.code == "shutting_down"


def test_of_live_speech_that_is_too_long_to_keep_nothing_is_repeated() -> None:
    """Nor are its segments remembered."""
    speech = Stream([b"much", b"more"], room=5)
    attempts = Attempts(LIVE, speech, pulls=False)
    pieces, segment = speech.pieces(), _segment(0)
    references = sys.getrefcount(segment)
    assert next(pieces) == b"much"
    assert attempts.is_new(segment)
    assert next(pieces) == b"more"
    assert attempts.is_new(_segment(1))
    assert sys.getrefcount(segment) == references
    assert not attempts.again(lost("shutting_down"))


@pytest.mark.parametrize(
    "code", ["shutting_down", "supervisor_lost", "worker_stopped", "worker_crashed", "slow_consumer"]
)
def test_an_input_that_outgrows_its_room_while_it_is_sent_again_ends_as_it_was_lost(code: str) -> None:
    """No worker is said to have died where the supervisor left."""
    speech = Stream([b"much", b"more"], room=5)
    attempts = Attempts(LIVE, speech, pulls=False)
    first = speech.pieces()
    next(first)
    assert attempts.again(lost(code))
    second = speech.pieces()
    assert next(first) == b"more"
    with pytest.raises(HushdError, match="grown too long") as forgotten:
        next(second)
    with pytest.raises(HushdError, match="grown too long") as failed:
        attempts.again(forgotten.value)
    assert failed.value.code == code


def test_of_a_recording_with_speakers_only_segments_are_left_out_of_a_repeated_answer() -> None:
    """Messages that do not last are sent anew, as in the first answer."""
    attempts = Attempts(replace(ASKED, params={"diarize": True}), None, pulls=False)
    assert attempts.is_new(_segment(0))
    assert attempts.again(lost("supervisor_lost"))
    assert attempts.is_new(UNFINISHED)
    assert not attempts.is_new(_segment(0))


def _segment(number: int) -> Partial:
    return Partial(id=ASKED.id, seq=number, data={"kind": "segment", "end": number, "text": str(number)})


def test_speech_that_was_begun_is_never_asked_for_again() -> None:
    """The caller may have played it."""
    attempts = Attempts(Request(id=ASKED.id, worker="tts/echo/a", op="synthesize", input="none"), None, pulls=False)
    assert attempts.is_new(Chunk(id=ASKED.id, seq=0, rate=24000, channels=1, payload=b"\0\0"))
    assert not attempts.again(lost("supervisor_lost"))


def test_a_worker_that_was_stopped_is_met_once() -> None:
    """As before: the supervisor repeats by itself what it can."""
    attempts = Attempts(ASKED, None, pulls=False)
    assert attempts.again(lost("worker_stopped"))
    assert not attempts.again(lost("worker_stopped"))
    assert attempts.again(lost("shutting_down"))
