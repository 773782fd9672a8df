"""The pool and its workers against a hostile world: promises that hold whatever happens."""

import os

import pytest
from hostile.runs import crowded, hostile, on_cards, play
from hushd_supervisor.core.worker.states import ALLOWED

SEEDS = int(os.environ.get("HUSHD_FUZZ_SEEDS", "200"))
# With these any number of seeds sees all: a stopped job runs again, one gives way, and a worker fails at rest and
# at work.
RARE = (4, 7, 23, 58, 66, 101, 104, 326, 388)


@pytest.mark.timeout(3600)
def test_every_request_ends_once_whatever_happens() -> None:
    """Seeded runs of 40 hostile acts each keep every invariant, and walk every way between states there is."""
    walk = play(hostile, {*range(SEEDS), *RARE})
    assert walk.states == ALLOWED
    assert walk.events == {
        "a replica", "a session beside a file", "a file waits for a session", "a stopped job runs again",
        "an unload leaves others at work", "a process retires",
        "a worker on a card",
        "the CPU for want of a card", "a card vanishes", "memory that is free late",
        "an engine ends what nobody hears",
        "a job is set aside", "a job goes on aside", "a job gives way", "a client has its share of pauses",
        "a load that turns in a circle is ended",
        "a program frees memory",
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
def test_programs_want_the_same_card() -> None:
    """Workers that have no room beside each other there keep every invariant."""
    walk = play(on_cards, range(SEEDS // 3))
    assert walk.events >= {"a worker on a card", "the CPU for want of a card", "memory that is free late"}
