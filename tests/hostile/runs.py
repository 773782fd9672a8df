"""Seeded runs of hostile worlds; many are shared out to a process for each core, and what they walked is counted."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from unittest.mock import patch

from hushd_supervisor.core import fleet
from hushd_supervisor.core.worker.lifecycle import Lifecycle
from hushd_supervisor.core.worker.states import State

from .crowded import CrowdedWorld
from .one_card import CardWorld
from .world import World

SHARE = 25  # seeds that a process takes at a time: the last to end is late by as many
ALONE = 10  # shares that this process does itself: others run tests meanwhile, and each more would import first


@dataclass
class Walk:
    """The course of some runs: how requests ended, rare events, and every move of a worker."""

    codes: Counter[str] = field(default_factory=Counter)
    events: set[str] = field(default_factory=set)
    states: set[tuple[State, State]] = field(default_factory=set)

    def add(self, other: Walk) -> None:
        self.codes += other.codes
        self.events |= other.events
        self.states |= other.states


def play(run: Callable[[int], World], seeds: Iterable[int]) -> Walk:
    """Runs `run` with each seed, on all cores, and returns their course; a failure names its seed."""
    chosen = sorted(seeds)
    shares = [chosen[start : start + SHARE] for start in range(0, len(chosen), SHARE)]
    whole = Walk()
    with _processes(len(shares)) as processes:
        try:
            for walk in processes.map(_play, [run] * len(shares), shares):
                whole.add(walk)
        except BaseException:
            processes.shutdown(cancel_futures=True)
            raise
    return whole


def _processes(most: int) -> Executor:
    """A process for each core; this one alone for few shares, or without the `/dev/shm` of a container's semaphores."""
    if most <= ALONE:
        return ThreadPoolExecutor(1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        return ProcessPoolExecutor(min(cores, most), get_context("spawn"), _leave_interrupts_to_pytest)
    except OSError:
        return ThreadPoolExecutor(1)


def _leave_interrupts_to_pytest() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _play(run: Callable[[int], World], seeds: Sequence[int]) -> Walk:
    walk = Walk()
    with patch.object(Lifecycle, "enter", _watched(Lifecycle.enter, walk.states)):
        for seed in seeds:
            try:
                world = run(seed)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error!r}") from error
            walk.codes += world.codes
            walk.events |= world.events
    return walk


def _watched(enter: Callable[..., None], walked: set[tuple[State, State]]) -> Callable[..., None]:
    def watch(lifecycle: Lifecycle, target: State, *timer: float) -> None:
        walked.add((lifecycle.state, target))
        enter(lifecycle, target, *timer)

    return watch


def hostile(seed: int) -> World:
    """Forty hostile acts, in a third of the runs a long silence, and the end."""
    world = World(seed)
    _act(world)
    if seed % 3 == 0 and not world.left:
        world.quiet()
    world.end()
    return world


def crowded(seed: int) -> World:
    """Forty acts in a crowd of at most eight workers, after which each worker is started alone, and the end."""
    with patch.object(fleet, "MAX_WORKERS", 8):
        world = CrowdedWorld(seed)
        _act(world)
        if not world.left:
            world.start_alone()
        world.end()
    return world


def on_cards(seed: int) -> World:
    """Forty acts of programs that want the same cards, and the end."""
    world = CardWorld(seed)
    _act(world)
    world.end()
    return world


def _act(world: World) -> None:
    for _ in range(40):
        if world.left:
            break
        world.person_does_something()
        if world.others_dice.random() < 0.04:
            world.fell()
        world.run(world.random.choice(world.pauses))
