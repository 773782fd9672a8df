"""Tests of how often a request is sent again."""

from __future__ import annotations

import pytest
from hushd.transport.attempts import GONE, MOST_LOST, Attempts
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
    for _ in range(MOST_LOST):
        assert attempts.again(lost(code))
        ids.add(attempts.request.id)
    assert len(ids) == 1 + MOST_LOST
    assert not attempts.again(lost(code))


def test_of_a_transcript_that_was_begun_the_rest_is_asked_for_until_nothing_new_comes() -> None:
    """Each death after a new segment asks for the missing rest; the second that brought nothing is raised."""
    attempts = Attempts(ASKED, None, pulls=False)
    for _ in range(MOST_LOST + 2):
        assert attempts.is_new(SEGMENT)
        assert attempts.again(lost("supervisor_lost"))
        assert attempts.request.params["start_s"] == 1.5
    assert attempts.again(lost("supervisor_lost"))
    assert not attempts.again(lost("supervisor_lost"))


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
