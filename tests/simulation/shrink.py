"""Makes a script that fails small, by delta debugging, as long as it fails in the same way.

Large parts go first: halves of the faults, of the clients and of all acts, then quarters, down to single ones; the
storm ends soon after the failure. All is tried with other seeds too, since another order of turns may be needed.
"""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .attempt import Attempt, sense
from .script import Script

if TYPE_CHECKING:
    from .run import Runner
    from .world import Outcome

AFTER_S = 60.0  # the simulated time that an attempt may take longer than the failure it is made of
TIMES, LEAST_CPU_S = 4, 5  # the processor time of an attempt: so many times that of the failure, at least so much
SHIFT = 1_000_000  # between the seeds with which a script is tried
SEEDS = (1, 3, 8)  # so many seeds for each smaller script, in the first round, the second, and all that follow
SOON_S = (0.1, 1.0, 5.0)  # after the failure, or after the last fault, at which a storm may end

# Each returns the parts that a script may lack, and the script without some of them.
Parts = Callable[[Script], Sequence[Any]]
Without = Callable[[Script, frozenset[Any]], Script]


class Shrinker:
    """Looks for a smaller script that fails as `script` does.

    Args:
        within: seconds that it takes at most.

    Attributes:
        script: the smallest so far.
        outcome: what came of it; without violations if `script` does not fail at all.
        tried: the scripts that were played.
    """

    def __init__(self, runner: Runner, script: Script, within: float) -> None:
        self._runner = runner
        self._end = time.monotonic() + within
        self.script, self.tried = script, 1
        began = os.times()
        self.outcome: Outcome = runner.play(script)
        cpu_s = max(LEAST_CPU_S, round(TIMES * (os.times().children_user - began.children_user)))
        senses = frozenset(map(sense, self.outcome.violations))
        self._attempt = Attempt(senses, self.outcome.failed + AFTER_S, cpu_s)

    @property
    def over(self) -> bool:
        """True once the time is up."""
        return time.monotonic() >= self._end

    def shrink(self) -> None:
        """Makes the script as small as can be in time."""
        if not self.outcome.violations:
            return
        self._accept(iter([_begun(self.script, self.outcome.acts or {})]), 1)
        self._shorten()
        for number in range(1_000):
            before = self.script
            seeds = SEEDS[min(number, len(SEEDS) - 1)]
            for parts, without in DIMENSIONS:
                self._thin(parts, without, seeds)
            self._shorten()
            if self.over or (self.script == before and seeds == SEEDS[-1]):
                return

    def _thin(self, parts: Parts, without: Without, seeds: int) -> None:
        """Leaves out halves, quarters and so on of the parts, whichever are not needed."""
        size = (len(parts(self.script)) + 1) // 2
        while size and not self.over:
            there = parts(self.script)
            if not there:
                return
            chunks = (frozenset(there[start : start + size]) for start in range(0, len(there), size))
            script = self.script
            if self._accept((without(script, chunk) for chunk in chunks), seeds):
                size = min(size, (len(parts(self.script)) + 1) // 2)
            else:
                size //= 2

    def _shorten(self) -> None:
        """Ends the storm soon after the failure or the last fault, or after a part of its time."""
        last = max((fault[0] for fault in self.script.faults), default=0.0)
        ends = {round(moment + more, 1) for moment in (last, self.outcome.failed) for more in SOON_S}
        ends |= {round(self.script.seconds * share, 1) for share in (0.25, 0.5, 0.75)}
        shorter = sorted(end for end in ends if end < self.script.seconds)
        script = self.script
        self._accept((replace(script, seconds=end, faults=_until(end, script)) for end in shorter), 1)

    def _accept(self, scripts: Iterator[Script], seeds: int) -> bool:
        """Takes the first of `scripts` that fails; returns whether one does."""
        better = self._runner.first_failing(self._with_seeds(scripts, seeds), self._attempt, self._end)
        if better is None:
            return False
        self.script, self.outcome = better
        seconds = min(self._attempt.seconds, self.outcome.failed + AFTER_S)
        self._attempt = self._attempt._replace(seconds=seconds)
        return True

    def _with_seeds(self, scripts: Iterator[Script], seeds: int) -> Iterator[Script]:
        for script in scripts:
            for number in range(seeds):
                self.tried += 1
                yield replace(script, seed=script.seed + SHIFT * number)


def _begun(script: Script, acts: Mapping[str, int]) -> Script:
    """The script without the acts that nobody had begun at the failure."""
    clients = [done[: acts.get(f"client-{number}", 0)] for number, done in enumerate(script.clients)]
    return _tidy(replace(script, clients=tuple(clients)))


def _until(end: float, script: Script) -> tuple[tuple[Any, ...], ...]:
    return tuple(fault for fault in script.faults if fault[0] < end)


def _faults(script: Script) -> Sequence[Any]:
    return script.faults


def _without_faults(script: Script, gone: frozenset[Any]) -> Script:
    return replace(script, faults=tuple(fault for fault in script.faults if fault not in gone))


def _clients(script: Script) -> Sequence[Any]:
    return [number for number, acts in enumerate(script.clients) if acts]


def _without_clients(script: Script, gone: frozenset[Any]) -> Script:
    clients = [() if number in gone else acts for number, acts in enumerate(script.clients)]
    return _tidy(replace(script, clients=tuple(clients)))


def _acts(script: Script) -> Sequence[Any]:
    return [(number, place) for number, acts in enumerate(script.clients) for place in range(len(acts))]


def _without_acts(script: Script, gone: frozenset[Any]) -> Script:
    clients = [
        tuple(act for place, act in enumerate(acts) if (number, place) not in gone)
        for number, acts in enumerate(script.clients)
    ]
    return _tidy(replace(script, clients=tuple(clients)))


def _visits(script: Script) -> Sequence[Any]:
    return [(number, place) for number, acts in enumerate(script.visitors) for place in range(len(acts))]


def _without_visits(script: Script, gone: frozenset[Any]) -> Script:
    visitors = tuple(
        tuple(act for place, act in enumerate(acts) if (number, place) not in gone)
        for number, acts in enumerate(script.visitors)
    )
    return replace(script, visitors=visitors)


def _tidy(script: Script) -> Script:
    """Leaves out the last clients if they do nothing: the others keep their names."""
    clients = list(script.clients)
    while clients and not clients[-1]:
        clients.pop()
    acting = [number for number, acts in enumerate(clients) if acts]
    numbered = (script.cut, script.apart, script.loops)
    cut, apart, loops = (tuple(number for number in numbers if number in acting) for numbers in numbered)
    return replace(script, clients=tuple(clients), cut=cut, apart=apart, loops=loops)


def _cut(script: Script) -> Sequence[Any]:
    return script.cut


def _without_cut(script: Script, gone: frozenset[Any]) -> Script:
    return replace(script, cut=tuple(number for number in script.cut if number not in gone))


def _points(script: Script) -> Sequence[Any]:
    return script.points


def _without_points(script: Script, gone: frozenset[Any]) -> Script:
    return replace(script, points=tuple(point for point in script.points if point not in gone))


def _room(script: Script) -> Sequence[Any]:
    return [script.room] if script.room != Script.room else []


def _with_all_room(script: Script, _: frozenset[Any]) -> Script:
    return replace(script, room=Script.room)


DIMENSIONS: list[tuple[Parts, Without]] = [
    (_faults, _without_faults), (_points, _without_points), (_clients, _without_clients), (_acts, _without_acts),
    (_cut, _without_cut), (_room, _with_all_room), (_visits, _without_visits),
]  # fmt: skip


def as_test(script: Script, violations: Sequence[str]) -> str:
    """Returns a module with a test that plays a script, at most twenty lines if it was made small."""
    claim = textwrap.wrap(sense(violations[0]) if violations else "Nothing fails.", 100)[0]
    played = textwrap.indent(str(script), "    ").lstrip()
    return f'''from simulation.replay import violations
from simulation.script import Script


def test_seed_{script.seed}() -> None:
    """Failed once: {claim}"""
    script = {played}
    assert violations(script) == []
'''
