"""Tests of how often a request is sent again."""

from __future__ import annotations

from typing import Any

import pytest
from hushd.transport.retry import GONE, MAX_LOST, Attempts
from hushd.transport.source import InputDiscardedError, Stream
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Partial, Request
from msgspec.structs import replace
from support.refusals import hushd_error

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


def test_a_request_whose_input_has_grown_too_long_fails_as_what_it_was_to_be_sent_again_for() -> None:
    """No worker crashed where a supervisor was lost: programs look at the code, and people read why it ends there."""
    attempts = Attempts(ASKED, None, pulls=False)
    assert attempts.again(lost("supervisor_lost"))
    with hushd_error("supervisor_lost", "too long to send again"):
        attempts.again(InputDiscardedError())


@pytest.mark.parametrize(("code", "changed", "heard", "times"), [
    ("worker_crashed", {}, False, 1),
    ("worker_crashed", {"input": "path"}, False, 0),  # the supervisor repeats it itself
    ("worker_crashed", {"params": {"diarize": True}}, True, 0),  # turns of speakers have no rest
    ("worker_failed", {}, False, 0),
])  # fmt: skip
def test_what_is_not_sent_again(code: str, changed: dict[str, Any], heard: bool, times: int) -> None:
    """Nothing a second time, nor what the supervisor repeats, nor what would fail again."""
    attempts = Attempts(replace(ASKED, **changed), None, pulls=False)
    assert not heard or attempts.is_new(SEGMENT)
    assert [attempts.again(lost(code)) for _ in range(times + 1)] == [True] * times + [False]


def test_of_a_transcript_that_was_begun_the_rest_is_asked_for_until_nothing_new_comes() -> None:
    """Each death after a new segment asks for the missing rest; the second that brought nothing is raised."""
    attempts = Attempts(ASKED, None, pulls=False)
    for _ in range(MAX_LOST + 2):
        assert attempts.is_new(SEGMENT)
        assert attempts.again(lost("supervisor_lost"))
        assert attempts.request.params["start_s"] == 1.5
    assert attempts.again(lost("supervisor_lost"))
    assert not attempts.again(lost("supervisor_lost"))


UNFINISHED = Partial(id=ASKED.id, seq=1, data={"kind": "partial", "text": "Goo"})


def test_of_a_recording_with_speakers_only_segments_are_left_out_of_a_repeated_answer() -> None:
    """Messages that do not last are sent anew, as in the first answer; what follows the same segments is new."""
    attempts = Attempts(replace(ASKED, params={"diarize": True}), None, pulls=False)
    assert attempts.is_new(_segment(0))
    assert attempts.again(lost("supervisor_lost"))
    assert attempts.is_new(UNFINISHED)
    assert [attempts.is_new(_segment(number)) for number in range(3)] == [False, True, True]


def test_of_channels_that_the_worker_has_told_apart_no_rest_is_asked_for() -> None:
    """Words of one before the end of the other's would be missing: the whole comes again, and known segments are
    left out."""
    attempts = Attempts(ASKED, None, pulls=False)
    assert attempts.is_new(_segment(0, speaker="LEFT"))
    assert attempts.is_new(_segment(1, speaker="RIGHT"))
    assert attempts.again(lost("supervisor_lost"))
    assert "start_s" not in attempts.request.params
    assert not attempts.is_new(_segment(0, speaker="LEFT"))
    assert not attempts.is_new(_segment(1, speaker="RIGHT"))
    assert attempts.is_new(_segment(2, speaker="LEFT"))


def _segment(number: int, **more: str) -> Partial:
    return Partial(id=ASKED.id, seq=number, data={"kind": "segment", "end": number, "text": str(number), **more})


@pytest.mark.parametrize(("first", "again"), [({}, {"unjudged": True}), ({"unlikely": True}, {})])
def test_a_text_whose_verdict_comes_earlier_or_later_is_the_same(first: dict[str, Any], again: dict[str, Any]) -> None:
    """A verdict comes with its text or milliseconds after it: a dictation was lost by that over a restart."""
    attempts = Attempts(replace(ASKED, params={"diarize": True}), None, pulls=False)
    assert attempts.is_new(_segment(0, **first))
    assert attempts.again(lost("worker_stopped"))
    assert not attempts.is_new(_segment(0, **again))


@pytest.mark.parametrize(("room", "again"), [(4, True), (3, False)])
def test_live_speech_is_asked_for_again_while_all_of_it_is_at_hand(room: int, again: bool) -> None:
    """A crash of its worker changes nothing; once the beginning was let go, no answer is kept to compare it with."""
    source = Stream(iter([b"1234"]), room)
    attempts = Attempts(replace(ASKED, session=True), source, pulls=False)
    assert [*source.pieces()] == [b"1234"]
    assert attempts.is_new(SEGMENT)
    assert attempts._returned == ([SEGMENT] if again else None)
    assert attempts.again(lost("worker_crashed")) == again
    assert Attempts(ASKED, source, pulls=False).again(lost("supervisor_lost")) == again


def test_a_file_that_its_worker_cannot_open_is_sent_as_a_stream() -> None:
    """It is sent once, and nothing of the path is left in the request."""
    attempts = Attempts(replace(ASKED, input="path", path="/a.wav", device=1, inode=2, size=3), None, pulls=False)
    assert attempts.again(lost("path_unreachable"))
    assert attempts.request == replace(ASKED, id=attempts.request.id, input="stream")
    assert attempts.request.id != ASKED.id
    assert not attempts.again(lost("path_unreachable"))
