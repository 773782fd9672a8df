"""Plays the whole house in one thread, for as many seeds as are wanted; see lab/README.md.

scripts/simulate --seed 7                  one seed; its last line is the seed and the digest of its history
scripts/simulate --seeds 200               the 200 seeds from --seed on; its last line has the digest of all
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable

from .run import Runner
from .script import KINDS, Outcome, Script, draw

MOST_SHOWN = 12  # violations of a seed


class Tally:
    """The sums over all scripts."""

    def __init__(self) -> None:
        self.failed = 0
        self._played, self._seconds, self._settled = 0, 0.0, 0.0
        self._ends: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()
        self._began = time.monotonic()

    def add(self, script: Script, outcome: Outcome) -> None:
        self._played += 1
        self._seconds += outcome.seconds
        self._settled = max(self._settled, outcome.settled)
        self._ends.update(outcome.counts)
        self._taken.update(outcome.taken or {})
        if outcome.violations:
            self.failed += 1
            print(f"seed {script.seed} fails, digest {outcome.digest}:")
            for violation in list(dict.fromkeys(outcome.violations))[:MOST_SHOWN]:
                print(f"  {violation}")
            sys.stdout.flush()

    def show(self) -> None:
        wall, used = time.monotonic() - self._began, os.times()
        cpu = used.user + used.system + used.children_user + used.children_system
        ends = ", ".join(f"{number} {code}" for code, number in self._ends.most_common())
        hours = f"{self._seconds / 3600:.1f} simulated hours"
        print(f"{self._played} seeds, {hours} in {wall:.1f} s, {cpu:.1f} of them computing")
        taken = ", ".join(f"{number} {point}" for point, number in self._taken.most_common())
        print(f"points: {taken or 'none'}")
        print(f"requests: {ends or 'none'}; all at rest {self._settled:.1f} s after the last fault")


def main(arguments: list[str]) -> int:
    parser = make_parser()
    options = parser.parse_args(arguments)
    kinds = [kind for kind in options.faults.split(",") if kind and kind != "none"]
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such faults: {', '.join(sorted(unknown))}")

    def drawn(seed: int) -> Script:
        return draw(seed, kinds)

    tally = Tally()
    scripts: Iterable[Script] = map(drawn, range(options.seed, options.seed + options.seeds))
    if options.script:
        with open(options.script) as file:
            scripts = [Script(**json.load(file))]
    runner = Runner(options.jobs)
    for script, outcome in runner.play_all(scripts, options.history):
        tally.add(script, outcome)
        if tally.failed and options.first:
            break
    tally.show()
    print(f"seed {options.seed} {runner.digest}")
    return 1 if tally.failed else 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help="so many seeds")
    parser.add_argument("--faults", default=",".join(KINDS), metavar="LIST", help=f"of {', '.join(KINDS)}, or none")
    parser.add_argument("--script", metavar="FILE", help="play the fields of a Script that are there as JSON")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds at a time")
    parser.add_argument("--first", action="store_true", help="stop at the first seed that fails")
    parser.add_argument("--history", metavar="FILE", help="write the history of the last seed there")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
