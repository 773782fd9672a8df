"""The state of a claim to devices: every event in every phase, in one table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd.floor import Action, FloorState, Phase
from hushd_protocol.errors import HushdError

OUTSIDE, ASKED, WAITING, HELD = Phase.OUTSIDE, Phase.ASKED, Phase.WAITING, Phase.HELD
HANDING_OVER, LOST, STOPPED = Phase.HANDING_OVER, Phase.LOST, Phase.STOPPED
LEAVING = HushdError("shutting_down", "Leaving.")
ENDED = HushdError("cancelled", "It was ended.")
CLAIM, NEXT = b"claim", b"next"


def state_in(phase: Phase) -> FloorState:
    """A state that has come to a phase by its events."""
    state = FloorState()
    if phase is not OUTSIDE:
        state.enter()
        state.ask(CLAIM)
    words = {WAITING: ("waiting",), HELD: ("granted",), HANDING_OVER: ("granted",)}.get(phase, ())
    for word in words:
        state.answer(CLAIM, word)
    if phase is HANDING_OVER:
        state.answer(CLAIM, "", LEAVING)
        state.ask(NEXT, CLAIM)
    elif phase is LOST:
        state.answer(CLAIM, "", ENDED)
    elif phase is STOPPED:
        state.stop()
    assert state.phase is phase
    return state


EVENTS: dict[str, Callable[[FloorState], Action | None]] = {
    "granted": lambda state: state.answer(state.claim, "granted"),
    "waiting": lambda state: state.answer(state.claim, "waiting"),
    "leaving": lambda state: state.answer(state.claim, "", LEAVING),
    "ended": lambda state: state.answer(state.claim, "", ENDED),
    "another's": lambda state: state.answer(b"another", "granted"),
    "nobody": lambda state: state.find_nobody(state.old_claim),
    "stop": lambda state: state.stop(),
    "leave": lambda state: state.leave(),
}
PHASES = (OUTSIDE, ASKED, WAITING, HELD, HANDING_OVER, LOST, STOPPED)
TABLE = {
    "granted": (OUTSIDE, HELD, HELD, HELD, HELD, HELD, STOPPED),
    "waiting": (OUTSIDE, WAITING, WAITING, WAITING, WAITING, WAITING, STOPPED),
    "leaving": (OUTSIDE, LOST, LOST, HANDING_OVER, LOST, LOST, STOPPED),
    "ended": (OUTSIDE, LOST, LOST, LOST, LOST, LOST, STOPPED),
    "another's": PHASES,
    "nobody": (OUTSIDE, HELD, HELD, HELD, HELD, HELD, STOPPED),
    "stop": (STOPPED,) * 7,
    "leave": (*(OUTSIDE,) * 6, STOPPED),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_event_in_every_phase(phase: Phase, event: str) -> None:
    """The next phase is the table's; who holds the devices is told of their loss, but not who gives them back."""
    state = state_in(phase)
    held = state.held
    action = EVENTS[event](state)
    assert state.phase is TABLE[event][PHASES.index(phase)]
    if (phase, event) == (HELD, "leaving"):
        assert action is Action.HAND_OVER
    elif event == "leave":
        assert action is None
    else:
        assert (action is Action.TELL_LOSS) is (event == "stop" or (held and not state.held))
    assert (state.error is None) is (state.phase in (ASKED, WAITING, HELD, HANDING_OVER))


@pytest.mark.parametrize("phase", PHASES)
def test_who_may_ask(phase: Phase) -> None:
    """Inside the block, the claim that is current; devices that are handed over stay ours, by their old claim alone."""
    for old_claim in (b"", CLAIM):
        state = state_in(phase)
        if phase in (OUTSIDE, STOPPED) or old_claim != state.old_claim:
            with pytest.raises(HushdError) as refused:
                state.ask(b"new", old_claim)
            assert refused.value.code == "cancelled"
            assert state.phase is phase
        else:
            state.ask(b"new", old_claim)
            assert (state.claim, state.phase) == (b"new", HANDING_OVER if old_claim else ASKED)
    with pytest.raises(HushdError, match="It was stopped"):
        state_in(STOPPED).enter()
