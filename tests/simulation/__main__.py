"""Plays the whole house in one thread, for as many seeds as are wanted; see docs/SIMULATION.md.

scripts/simulate --seed 7                  one seed; its last line is the seed and the digest of its history
scripts/simulate --seeds 200               the 200 seeds from --seed on; its last line has the digest of all
scripts/simulate --seed 7 --shrink         makes a seed that fails small, and prints its script
scripts/simulate --night                   20,000 seeds on all processors
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from .run import Runner
from .script import FAULTS, draw
from .shrink import shrink

NIGHT = 20_000  # seeds
MOST_SHOWN = 12  # violations of a seed


def main(arguments: list[str]) -> int:
    """Returns 0 if every seed held, 1 if one failed."""
    parser = argparse.ArgumentParser(
        prog="simulate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help="so many seeds")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of the storm, simulated")
    parser.add_argument("--clients", type=int, metavar="N", help="so many; else 2 to 7")
    parser.add_argument("--faults", default=",".join(FAULTS), metavar="LIST", help=f"of {', '.join(FAULTS)}, or none")
    parser.add_argument("--shrink", action="store_true", help="make the first seed that fails small")
    parser.add_argument("--night", action="store_true", help=f"{NIGHT} seeds")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds at a time")
    parser.add_argument("--history", metavar="FILE", help="write the history of the last seed there")
    options = parser.parse_args(arguments)
    kinds = [kind for kind in options.faults.split(",") if kind and kind != "none"]
    if unknown := set(kinds) - set(FAULTS):
        parser.error(f"no such faults: {', '.join(sorted(unknown))}")
    count = NIGHT if options.night else options.seeds
    scripts = [draw(options.seed + n, options.seconds, kinds, options.clients) for n in range(count)]
    runner = Runner(options.jobs)
    began = time.monotonic()
    failed = None
    settled = 0.0
    counts: Counter[str] = Counter()
    seconds = 0.0
    for script, outcome in runner.play_all(scripts, options.history):
        seconds += outcome.seconds
        settled = max(settled, outcome.settled)
        counts.update(outcome.counts)
        if outcome.violations:
            failed = failed or script
            print(f"seed {script.seed} fails, digest {outcome.digest}:")
            for violation in list(dict.fromkeys(outcome.violations))[:MOST_SHOWN]:
                print(f"  {violation}")
            sys.stdout.flush()
    wall, used = time.monotonic() - began, os.times()
    cpu = used.user + used.system + used.children_user + used.children_system
    ends = ", ".join(f"{number} {code}" for code, number in counts.most_common())
    print(f"{count} seeds, {seconds / 3600:.1f} simulated hours in {wall:.1f} s, {cpu:.1f} of them computing")
    print(f"requests: {ends or 'none'}; all at rest {settled:.1f} s after the last fault")
    if failed and options.shrink:
        print(shrink(runner, failed))
    print(f"seed {options.seed} {runner.digest}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
