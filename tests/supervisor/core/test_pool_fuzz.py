"""The pool and its workers against a hostile world: promises that hold whatever happens."""

import os

import pytest
from hostile.runs import crowded, hostile, on_cards, play
from hushd_supervisor.core.worker.states import ALLOWED

SEEDS = int(os.environ.get("HUSHD_FUZZ_SEEDS", "200"))
# With these any number of seeds sees all: a stopped job runs again, one gives way, a worker fails at rest and at work,
# one leaves its card and comes back; a worker comes back to a card for which many wait, and one does not.
RARE, RARE_ON_CARDS = (4, 7, 23, 58, 66, 101, 104, 326, 388), (104, 146, 475)
SUSPENSIONS = {
    "a worker leaves its card", "a worker comes back to its card", "a worker leaves its card for others",
    "the driver refuses to suspend", "a process is lost on its card", "a worker does not come back to its card",
    "a process is killed while it is suspended",
}  # fmt: skip


@pytest.mark.timeout(3600)
def test_every_request_ends_once_whatever_happens() -> None:
    """Seeded runs of 40 hostile acts each keep every invariant, and walk every way between states there is."""
    walk = play(hostile, {*range(SEEDS), *RARE})
    assert walk.states == ALLOWED
    assert walk.events - SUSPENSIONS == {
        "a replica", "a session beside a file", "a file waits for a session", "a stopped job runs again",
        "an unload leaves others at work", "a process retires",
        "a worker on a card",
        "the CPU for want of a card", "a card vanishes", "memory that is free late",
        "an engine ends what nobody hears",
        "a job is set aside", "a job goes on aside", "a job gives way", "a client has its share of pauses",
        "a load that turns in a circle is ended",
        "a program frees memory", "workers keep away from cards",
    }  # fmt: skip
    assert {
        "result", "cancelled", "deadline_exceeded", "worker_crashed", "poison_request", "slow_consumer",
        "shutting_down", "overloaded", "server_busy", "worker_failed", "engine_missing", "input_unreadable",
        "protocol_error", "worker_stopped",
    } <= set(walk.codes)  # fmt: skip


@pytest.mark.timeout(3600)
def test_nobody_is_barred_in_a_crowd() -> None:
    """Jobs that outgrow the machine, names without end, catalogues for several at once: then any worker may start."""
    play(crowded, range(SEEDS // 10))


@pytest.mark.timeout(3600)
def test_workers_leave_cards_and_come_back() -> None:
    """Programs that want one card have workers suspended, refused, lost, killed half way, and brought back."""
    assert play(on_cards, {*range(SEEDS // 3), *RARE_ON_CARDS}).events >= SUSPENSIONS
