"""The state of a dialogue: every event in every phase."""

from __future__ import annotations

import itertools

import pytest
from hushd.dialogue.exchange import DialogueState, Event, Phase

LETTERS = {"s": Event.SAID, "b": Event.BEGAN, "n": Event.NOTHING, "h": Event.HEARD, "x": Event.NOBODY}


def after(events: str, phase: Phase = Phase.SPEAKING) -> DialogueState:
    turn = DialogueState(phase)
    for letter in events:
        turn.advance(LETTERS[letter])
    return turn


@pytest.mark.parametrize(("events", "phase", "interrupted", "heard"), [
    ("", Phase.SPEAKING, False, False),
    ("s", Phase.WAITING, False, False),
    ("sbh", Phase.OVER, False, True),  # an answer
    ("sx", Phase.OVER, False, False),  # none
    ("b", Phase.INTERRUPTED, True, False),
    ("bs", Phase.HEARING, True, False),
    ("bsh", Phase.OVER, True, True),  # somebody interrupts
    ("bhs", Phase.OVER, True, True),  # with one word, before the loudspeaker was silent
    ("bsnx", Phase.OVER, True, False),  # a cough
    ("bnsbh", Phase.OVER, True, True),  # a cough, then an answer
    ("bsnbh", Phase.OVER, True, True),
    ("sbnbnx", Phase.OVER, False, False),  # coughs, and no answer
    ("hs", Phase.OVER, False, True),  # the worker has died while it spoke
    ("sh", Phase.OVER, False, True),  # or afterwards
    ("x", Phase.SPEAKING, False, False),  # nobody can be late yet
    ("sbx", Phase.HEARING, False, False),  # nor any more
    ("bb", Phase.INTERRUPTED, True, False),
    ("sxbhsnh", Phase.OVER, False, False),  # too late
])  # fmt: skip
def test_where_an_exchange_is(events: str, phase: Phase, interrupted: bool, heard: bool) -> None:
    """Each event leads where the table says, and one that comes too late or too early changes nothing."""
    turn = after(events)
    assert (turn.phase, turn.interrupted, turn.heard) == (phase, interrupted, heard)


def test_any_order_keeps_the_rules() -> None:
    """OVER is final and needs silence; it is interrupted only if somebody began first; it can end from anywhere."""
    for events in itertools.chain.from_iterable(itertools.product("sbnhx", repeat=n) for n in range(6)):
        turn = after("".join(events))
        assert turn.phase is not Phase.OVER or "s" in events
        assert not turn.interrupted or ("b" in events and "s" not in events[: events.index("b")])
        assert not turn.heard or "h" in events
        ended = after("".join(events) + "sxh")
        assert ended.phase is Phase.OVER
        for letter in "sbnhx":
            assert after("".join(events) + "sxh" + letter).phase is Phase.OVER
