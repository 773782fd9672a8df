"""The rules of a loudspeaker call a history false that breaks one, and find nothing in a true one."""

from __future__ import annotations

import pytest
from simulation import floor
from simulation.history import Event


def saw(at: float, request: str, kind: str, /, **more: object) -> Event:
    return Event(at, request, request, kind, more)


def invoked(at: float, request: str) -> Event:
    return saw(at, request, "invoke", op="claim", machine="run")


# Two claims, one after the other.
TRUE = [
    invoked(0.0, "a"),
    saw(1.0, "a", "granted", epoch=1, machine="run"),
    invoked(2.0, "b"),
    saw(4.0, "a", "released", keep=False),
    saw(9.0, "a", "ok"),
    saw(9.5, "b", "granted", epoch=1, machine="run"),
    saw(21.0, "b", "released", keep=False),
    saw(22.0, "b", "ok"),
]  # fmt: skip
EARLY = saw(3.0, "b", "granted", epoch=1, machine="run")


@pytest.mark.parametrize(("events", "shared"), [
    (TRUE, False),
    ([*TRUE[:3], EARLY, *TRUE[3:5], *TRUE[6:]], True),
    ([*TRUE[:3], saw(2.5, "", "fault", kind="kill", target="supervisor"), EARLY, *TRUE[3:5], *TRUE[6:]], False),
])  # fmt: skip
def test_two_holders_are_called_false(events: list[Event], shared: bool) -> None:
    """Unless the supervisor was killed, whose grants end with it."""
    assert bool(list(floor.shared(events))) is shared


def test_a_free_loudspeaker_is_for_who_waits() -> None:
    """The time is counted from when its last holder gave it back."""
    assert list(floor.in_vain(TRUE))[-1] == ("b", 4.0, 9.5)


def test_each_event_is_a_line() -> None:
    """It is read as it was written."""
    assert [Event.of(event.line()) for event in TRUE] == TRUE
