"""The state of a claim to devices: every event in every phase, in one table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd.floor import FloorState, Phase
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error

OUTSIDE, ASKED, WAITING, HELD, LOST, STOPPED = PHASES = tuple(Phase)
ENDED = HushdError("cancelled", "It was ended.")
CLAIM = b"claim"


def state_in(phase: Phase) -> FloorState:
    """A state that has come to a phase by its events."""
    state = FloorState()
    if phase is not OUTSIDE:
        state.enter()
        state.ask(CLAIM)
    if phase in (WAITING, HELD):
        state.answer(CLAIM, "waiting" if phase is WAITING else "granted")
    elif phase is LOST:
        state.answer(CLAIM, "", ENDED)
    elif phase is STOPPED:
        state.stop()
    assert state.phase is phase
    return state


EVENTS: dict[str, Callable[[FloorState], bool | None]] = {
    "granted": lambda state: state.answer(state.claim, "granted"),
    "waiting": lambda state: state.answer(state.claim, "waiting"),
    "ended": lambda state: state.answer(state.claim, "", ENDED),
    "another's": lambda state: state.answer(b"another", "granted"),
    "nobody": lambda state: state.find_nobody(),
    "stop": lambda state: state.stop(),
    "give_back": lambda state: state.give_back(),
}
TABLE = {
    "granted": (OUTSIDE, HELD, HELD, HELD, HELD, STOPPED),
    "waiting": (OUTSIDE, WAITING, WAITING, WAITING, WAITING, STOPPED),
    "ended": (OUTSIDE, LOST, LOST, LOST, LOST, STOPPED),
    "another's": PHASES,
    "nobody": (OUTSIDE, HELD, HELD, HELD, HELD, STOPPED),
    "stop": (STOPPED,) * 6,
    "give_back": (*(OUTSIDE,) * 5, STOPPED),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_event_in_every_phase(phase: Phase, event: str) -> None:
    """The next phase is the table's; who holds the devices is told of their loss, but not who gives them back."""
    state = state_in(phase)
    held = state.held
    told = EVENTS[event](state)
    assert state.phase is TABLE[event][PHASES.index(phase)]
    if event not in ("give_back", "nobody"):
        assert told is (event == "stop" or (held and not state.held))
    assert (state.error is None) is (state.phase in (ASKED, WAITING, HELD))


@pytest.mark.parametrize("phase", PHASES)
def test_who_may_ask(phase: Phase) -> None:
    """Whoever is inside the block; who was stopped may not even enter it again."""
    state = state_in(phase)
    if phase in (OUTSIDE, STOPPED):
        with hushd_error("cancelled"):
            state.ask(b"new")
        assert state.phase is phase
    else:
        state.ask(b"new")
        assert (state.claim, state.phase) == (b"new", ASKED)
    with pytest.raises(HushdError, match="It was stopped"):
        state_in(STOPPED).enter()
