"""One call without a connection: credit, the order of its answers, and its end."""

from __future__ import annotations

import pytest
from hushd.transport.call import Call, CallEndedError
from hushd.warnings import exit_code, unused_device
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW
from hushd_protocol.messages import Accepted, Cancel, Chunk, Credit, Message, Request, Result
from hushd_schema.results import ResultWarning
from support.refusals import hushd_error


@pytest.fixture
def posted() -> list[Message]:
    return []


@pytest.fixture
def call(posted: list[Message]) -> Call:
    return Call(Request(id=b"8 bytes.", worker="stt", op="transcribe", params={}, input="stream"), posted.append)


def _chunk(seq: int) -> Chunk:
    return Chunk(id=b"8 bytes.", seq=seq, last=False, payload=b"..")


def test_each_piece_of_input_costs_one_credit(call: Call, posted: list[Message]) -> None:
    """A worker that grants three chunks gets three, and then as many as it grants again."""
    assert not call.offer(b"zero")
    call.receive(Credit(id=call.id, chunks=3))
    assert [call.offer(data) for data in (b"one", b"two", b"three", b"four")] == [True, True, True, False]
    call.receive(Credit(id=call.id, chunks=1))
    assert [call.offer(data, last=True) for data in (b"four", b"five")] == [True, False]
    sent = [(message.seq, message.payload, message.last) for message in posted if isinstance(message, Chunk)]
    assert sent == [(0, b"one", False), (1, b"two", False), (2, b"three", False), (3, b"four", True)]


def test_credit_for_answers_is_granted_by_half_a_window(call: Call, posted: list[Message]) -> None:
    """No sooner, which would double the messages, and no later, when the peer would have none left."""
    half = CREDIT_WINDOW // 2
    for seq in range(3 * half - 1):
        assert not call.receive(_chunk(seq))
    assert posted == [Credit(id=call.id, chunks=half)] * 2
    call.receive(_chunk(3 * half - 1))
    assert posted == [Credit(id=call.id, chunks=half)] * 3


@pytest.mark.parametrize("seq", [0, 2])
def test_an_answer_with_a_gap_is_an_error(call: Call, seq: int) -> None:
    """Sound that lacks a part, or has one twice, is never played as if it were whole."""
    call.receive(_chunk(0))
    with hushd_error("protocol_error", "A part of the answer is missing"):
        call.receive(_chunk(seq))


def test_a_result_is_the_last_message(call: Call) -> None:
    accepted, result = Accepted(id=call.id, state="queued"), Result(id=call.id, data={"text": "Hi."})
    assert not call.receive(accepted)
    assert call.receive(result)
    assert call.ended
    assert [*call] == [accepted, result]


def test_a_cancelled_call_takes_no_more_input(call: Call, posted: list[Message]) -> None:
    """The peer is told once, however often it is cancelled."""
    call.receive(Credit(id=call.id, chunks=1))
    call.cancel()
    call.cancel()
    assert posted == [Cancel(id=call.id)]
    with pytest.raises(CallEndedError):
        call.offer(b"late")
    with pytest.raises(HushdError, match="cancelled"):
        call.get()


def test_an_input_that_cannot_be_read_is_the_outcome(call: Call, posted: list[Message]) -> None:
    """It is raised to who reads the answers, and the worker is told that no more comes."""
    call.fail(OSError("the disk has gone"))
    call.fail(OSError("again"))
    assert posted == [Cancel(id=call.id)]
    with pytest.raises(OSError, match="the disk has gone"):
        call.result()


@pytest.mark.parametrize(
    ("codes", "status"),
    [((), 0), (("clipped", "no_effect"), 0), (("cut_off", "no_effect"), 4), (("cut_off", "unlikely_text"), 11)],
)
def test_a_doubtful_transcript_has_an_exit_code_of_its_own(codes: tuple[str, ...], status: int) -> None:
    assert exit_code(ResultWarning(code=code, message="A sentence.") for code in codes) == status


@pytest.mark.parametrize(("device", "name"), [
    ({"compute_device": "vulkan"}, "vulkan"),
    ({"compute_device": "cpu"}, "the CPU"),
    ({"compute_device": ""}, "the CPU"),
])  # fmt: skip
def test_a_worker_on_another_device_is_a_warning(device: dict[str, str], name: str) -> None:
    said = f"stt/a/x computes on {name}: the card is full."
    warning = unused_device({"worker": "stt/a/x", "why_there": "the card is full", **device})
    assert warning == ResultWarning(code="no_effect", message=said)
