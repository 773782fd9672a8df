"""The pool and its workers against a hostile world: promises that hold whatever happens."""

import os
from collections import Counter

import pytest
from hushd_supervisor.core import fleet, standby
from hushd_supervisor.core.standby import Phase, Template
from hushd_supervisor.core.worker.lifecycle import Lifecycle
from hushd_supervisor.core.worker.states import ALLOWED, State
from support.crowded_world import CrowdedWorld
from support.hostile_world import World

SEEDS = int(os.environ.get("HUSHD_FUZZ_SEEDS", "1000"))
RARE = (711, 952)  # of a day's seeds, those in which a worker's last try fails before it has loaded; --quick has fewer


@pytest.mark.timeout(3600)
def test_every_request_ends_once_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeded runs of 40 hostile acts each keep every invariant, and walk every way between states there is."""
    codes: Counter[str] = Counter()
    events: set[str] = set()
    walked: set[tuple[State, State]] = set()
    enter = Lifecycle.enter

    def watch(lifecycle: Lifecycle, state: State, *timer: float) -> None:
        walked.add((lifecycle.state, state))
        enter(lifecycle, state, *timer)

    moved: set[tuple[Phase, Phase]] = set()
    move = Template.enter

    def watch_template(template: Template, phase: Phase, *due: float) -> None:
        moved.add((template.phase, phase))
        move(template, phase, *due)

    monkeypatch.setattr(Lifecycle, "enter", watch)
    monkeypatch.setattr(Template, "enter", watch_template)
    for seed in sorted({*range(SEEDS), *RARE}):
        world = World(seed)
        try:
            for _ in range(40):
                if world.left:
                    break
                world.person_does_something()
                world.run(world.random.choice(world.pauses))
            if seed % 3 == 0 and not world.left:
                world.quiet()
            world.end()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        codes += world.codes
        events |= world.events
    assert walked == ALLOWED
    assert moved == standby.ALLOWED
    assert events == {
        "a replica", "a session beside a file", "a file waits for a session", "a stopped job runs again",
        "an unload leaves others at work", "a process retires", "a process retires beside another",
        "a worker on a card", "the CPU for want of a card", "a card vanishes", "memory that is free late",
        "a worker goes back to a card", "an engine ends what nobody hears",
        "a job is set aside", "a job goes on aside", "a client has its share of pauses",
        "a worker is forked from a template", "a template makes room", "a load that turns in a circle is ended",
    }  # fmt: skip
    assert {
        "result", "cancelled", "deadline_exceeded", "worker_crashed", "poison_request", "slow_consumer",
        "shutting_down", "overloaded", "server_busy", "worker_failed", "engine_missing", "input_unreadable",
        "protocol_error", "worker_stopped",
    } <= set(codes)  # fmt: skip


@pytest.mark.timeout(3600)
def test_nobody_is_barred_in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that outgrow the machine, names without end, catalogues for several at once: then any worker may start."""
    monkeypatch.setattr(fleet, "MAX_WORKERS", 8)
    for seed in range(SEEDS // 10):
        world = CrowdedWorld(seed)
        try:
            for _ in range(40):
                if world.left:
                    break
                world.person_does_something()
                world.run(world.random.choice(world.pauses))
            if not world.left:
                world.start_alone()
            world.end()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
