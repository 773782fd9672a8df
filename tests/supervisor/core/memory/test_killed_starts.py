"""Needs that starts teach which the kernel has killed."""

from __future__ import annotations

from hushd_schema.settings import Settings
from hushd_supervisor.core.memory.needs import Estimated, Needs

NAME = "stt/a/x"
MB = 1_000_000


def test_each_kill_asks_for_more_than_the_one_before() -> None:
    """A start that was seen with less than at its last end, since nobody looked later, needs more all the same."""
    needs = Needs(Settings())
    sizes = []
    for seen in (400 * MB, 300 * MB, 100 * MB):
        needs.starved(NAME, seen)
        sizes.append(needs.memory(NAME))
    assert sizes == [500 * MB, 625 * MB, 781_250_000]


def test_a_success_ends_the_fear() -> None:
    """The need is the size of the load from then on."""
    needs = Needs(Settings())
    needs.starved(NAME, 400 * MB)
    needs.record(NAME, 300 * MB, ready=True)
    assert needs.memory(NAME) == needs.memory_alone(NAME) == 300 * MB


def test_beside_nobody_the_learnt_load_counts_and_no_guess() -> None:
    """Neither an estimate that is too low nor a large job of long ago changes what a start alone takes."""
    for guess in (50 * MB, 5_000 * MB):
        needs = Needs(Settings(), estimate=lambda _, guess=guess: Estimated(guess))
        needs.record(NAME, 300 * MB, ready=True)
        needs.record(NAME, 900 * MB)
        assert (needs.memory(NAME), needs.memory_alone(NAME)) == (900 * MB, 300 * MB)
