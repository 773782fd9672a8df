"""Tests of the actions that cost: their order, and how many processes start at once."""

from __future__ import annotations

import math
import random

from hushd_supervisor.core import actions as do
from hushd_supervisor.core.backlog import MIN_STARTS_AT_ONCE, YOUNG_S, Backlog
from hushd_supervisor.core.events import Exited

NAME = "stt/a/x"


def filled(count: int, cores: int = 1) -> Backlog:
    """A backlog of so many starts."""
    backlog = Backlog(cores)
    for gen in range(1, count + 1):
        assert backlog.add(do.Spawn(NAME, gen)) is None
    return backlog


def taken(backlog: Backlog, now: float) -> list[do.Action]:
    """All that can be done at `now`."""
    found = []
    while action := backlog.take(now):
        found.append(action)
    return found


def test_kills_go_before_starts() -> None:
    """A hung process is ended before others are started, whoever asked first."""
    backlog = filled(2)
    backlog.add(do.Kill(NAME, 7))
    backlog.add(do.Look())
    assert taken(backlog, 0.0) == [do.Kill(NAME, 7), do.Look(), do.Spawn(NAME, 1), do.Spawn(NAME, 2)]


def test_a_process_that_was_killed_before_its_start_is_not_started() -> None:
    """Its end is reported at once, as that of a process that ran."""
    backlog = filled(2)
    assert backlog.add(do.Kill(NAME, 1)) == Exited(NAME, 1, -9)
    assert taken(backlog, 0.0) == [do.Spawn(NAME, 2)]
    assert backlog.add(do.Kill(NAME, 2)) is None
    assert taken(backlog, 0.0) == [do.Kill(NAME, 2)]


def test_only_some_processes_start_at_once() -> None:
    """The next one waits for a hello or an end, and for none longer than two seconds."""
    backlog = filled(40)
    assert len(taken(backlog, 10.0)) == MIN_STARTS_AT_ONCE
    assert backlog.deadline(10.0) == 10.0 + YOUNG_S
    backlog.grown(NAME, 2)
    backlog.grown(NAME, 99)
    assert backlog.deadline(10.5) == 10.5
    assert taken(backlog, 10.5) == [do.Spawn(NAME, MIN_STARTS_AT_ONCE + 1)]
    assert len(taken(backlog, 10.0 + YOUNG_S)) == MIN_STARTS_AT_ONCE - 1
    assert backlog.deadline(10.0 + YOUNG_S) == 10.5 + YOUNG_S


def test_the_deadline_is_when_something_can_be_done() -> None:
    """Whatever comes in whatever order: `take` returns an action exactly from the deadline on, and loses none."""
    for seed in range(200):
        dice = random.Random(seed)
        backlog, now, gen, started, dropped = Backlog(), 0.0, 0, [], []
        for _ in range(100):
            act = dice.random()
            if act < 0.4:
                gen += 1
                backlog.add(do.Spawn(NAME, gen))
            elif act < 0.5 and gen:
                victim = dice.randint(1, gen)
                dropped += [ended.gen for ended in [backlog.add(do.Kill(NAME, victim))] if ended]
            elif act < 0.6 and started:
                backlog.grown(NAME, dice.choice(started))
            else:
                due = backlog.deadline(now)
                action = backlog.take(now)
                assert (action is not None) == (due <= now)
                if isinstance(action, do.Spawn):
                    started.append(action.gen)
                elif action is None and due < math.inf:
                    now = due
        while (due := backlog.deadline(now)) < math.inf:
            now = max(now, due)
            action = backlog.take(now)
            assert action is not None
            if isinstance(action, do.Spawn):
                started.append(action.gen)
        assert sorted(started + dropped) == list(range(1, gen + 1))
