"""Plays the whole house in one thread, for as many seeds as are wanted; see lab/README.md.

scripts/simulate --seed 7                  one seed; its last line is the seed and the digest of its history
scripts/simulate --seeds 200               the 200 seeds from --seed on; its last line has the digest of all
scripts/simulate --seed 7 --shrink         makes a seed that fails small, and prints its script
scripts/simulate --hours 8 --jobs 4        as many seeds as fit, four at a time; says in the end how many
"""

from __future__ import annotations

import argparse
import ast
import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable

from .run import Runner
from .script import KINDS, Script, draw
from .shrink import Shrinker
from .world import Outcome

MOST_SHOWN = 12  # violations of a seed


class Tally:
    """The sums over all scripts."""

    def __init__(self) -> None:
        self.failed: Script | None = None  # the first one
        self._played, self._seconds, self._settled = 0, 0.0, 0.0
        self._ends: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()
        self._began = time.monotonic()

    def add(self, script: Script, outcome: Outcome) -> None:
        """Counts a script, and prints it if it fails."""
        self._played += 1
        self._seconds += outcome.seconds
        self._settled = max(self._settled, outcome.settled)
        self._ends.update(outcome.counts)
        self._taken.update(outcome.taken or {})
        if outcome.violations:
            self.failed = self.failed or script
            print(f"seed {script.seed} fails, digest {outcome.digest}:")
            for violation in list(dict.fromkeys(outcome.violations))[:MOST_SHOWN]:
                print(f"  {violation}")
            sys.stdout.flush()

    def show(self) -> None:
        """Prints the sums."""
        wall, used = time.monotonic() - self._began, os.times()
        cpu = used.user + used.system + used.children_user + used.children_system
        ends = ", ".join(f"{number} {code}" for code, number in self._ends.most_common())
        hours = f"{self._seconds / 3600:.1f} simulated hours"
        print(f"{self._played} seeds, {hours} in {wall:.1f} s, {cpu:.1f} of them computing")
        taken = ", ".join(f"{number} {point}" for point, number in self._taken.most_common())
        print(f"points: {taken or 'none'}")
        print(f"requests: {ends or 'none'}; all at rest {self._settled:.1f} s after the last fault")


def main(arguments: list[str]) -> int:
    """Returns 0 if every seed held, 1 if one failed."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    kinds = [kind for kind in options.faults.split(",") if kind and kind != "none"]
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such faults: {', '.join(sorted(unknown))}")

    def drawn(seed: int) -> Script:
        return draw(seed, options.seconds, kinds, options.clients)

    tally = Tally()
    last = options.seed + options.seeds if options.hours is None else sys.maxsize
    scripts: Iterable[Script] = map(drawn, range(options.seed, last))
    if options.hours is not None:
        end = time.monotonic() + 3600 * options.hours
        scripts = itertools.takewhile(lambda _: time.monotonic() < end, scripts)
    if options.script:
        scripts = [_read(options.script)]
    runner = Runner(options.jobs)
    for script, outcome in runner.play_all(scripts, options.history):
        tally.add(script, outcome)
        if tally.failed and options.shrink:
            break
    tally.show()
    digest = runner.digest
    if tally.failed and options.shrink:
        _shrink(runner, tally.failed, options.within)
    print(f"seed {options.seed} {digest}")
    return 1 if tally.failed else 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help="so many seeds")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of the longest storm, simulated")
    parser.add_argument("--clients", type=int, metavar="N", help="so many; else 2 to 7")
    parser.add_argument("--faults", default=",".join(KINDS), metavar="LIST", help=f"of {', '.join(KINDS)}, or none")
    parser.add_argument("--shrink", action="store_true", help="make the first seed that fails small, and stop there")
    parser.add_argument("--within", type=float, default=120.0, metavar="S", help="seconds that --shrink takes at most")
    parser.add_argument("--script", metavar="FILE", help="play the Script that is written there, - for standard input")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds at a time")
    parser.add_argument("--history", metavar="FILE", help="write the history of the last seed there")
    parser.add_argument("--hours", type=float, metavar="H", help="as many seeds as fit into so long")
    return parser


def _read(path: str) -> Script:
    """Reads a script as it is printed."""
    with open(0 if path == "-" else path) as file:
        call = ast.parse(file.read().strip(), mode="eval").body
    assert isinstance(call, ast.Call)
    named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
    return Script(*map(ast.literal_eval, call.args), **named)


def _shrink(runner: Runner, script: Script, within: float) -> None:
    """Prints a failing script made small, which `--script` plays, and after it what that took."""
    shrinker = Shrinker(runner.play, script, within)
    shrinker.shrink()
    print(shrinker.script)
    print(f"from {_extent(script)} to {_extent(shrinker.script)}, by {shrinker.tried} scripts")


def _extent(script: Script) -> str:
    acts = sum(map(len, script.clients))
    clients = sum(map(bool, script.clients))
    return f"{acts} acts of {clients} clients with {len(script.faults)} faults in {script.seconds:g} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
