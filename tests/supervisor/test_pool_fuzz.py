"""The pool and its brains against a hostile world: promises that hold whatever happens."""

import os
from collections import Counter

import pytest
from hostile_world import World
from hushd_supervisor.states import State

SEEDS = int(os.environ.get("HUSHD_FUZZ_SEEDS", "1000"))


@pytest.mark.timeout(3600)
def test_every_request_ends_once_whatever_happens() -> None:
    """Seeded runs of 40 hostile acts each keep every invariant, reach every state and every kind of ending."""
    codes: Counter[str] = Counter()
    seen: set[State] = set()
    for seed in range(SEEDS):
        world = World(seed)
        try:
            for _ in range(40):
                if world.left:
                    break
                world.person_does_something()
                world.run(world.random.choice([0, 0.1, 1, 5, 30, 90]))
            if seed % 3 == 0 and not world.left:
                world.quiet()
            world.end()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        codes += world.codes
        seen |= world.seen
    assert seen == set(State)
    assert {
        "result", "cancelled", "deadline_exceeded", "worker_crashed", "poison_request", "slow_consumer",
        "shutting_down", "overloaded", "worker_failed", "engine_missing", "input_unreadable", "protocol_error",
    } <= set(codes)  # fmt: skip
