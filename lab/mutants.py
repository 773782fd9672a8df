"""Plants faults in functions of the product, one at a time, and says which live: no test that executes them finds them.

`--changed` draws among the functions whose text has changed since BASE (`drawn.py`); it fails where fewer of those
played are found than tests/budgets.toml wants. Each function has three faults, and each is played to the tests that
execute it (`finders.py`). `--planted` plays the table of `planted.py` instead.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drawn import Fault, Function, a_day_before, changed, faults, functions, git, in_drawn_order, product
from faults import Change, planted
from finders import LIMIT_S, Tests, command, faulty
from planted import PLANTED

ROOT = Path(__file__).parents[1]
SAME = ROOT / "lab/changes_nothing.toml"
MOST_SAME = 1 / 20


def lives(row: tuple[str, str, Change, str], seeds: int) -> bool:
    """Returns whether a fault of the table is found by nothing. Raises LookupError where it has no place any more."""
    package, place, change, finder = row
    module, code = planted(package, place, change)
    with faulty({module: code}) as environment:
        try:
            done = subprocess.run(
                command(finder, seeds), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S
            )
        except subprocess.TimeoutExpired:
            return False
    if done.returncode > 1:
        raise LookupError(f"{shlex.join(command(finder))} could not be played:\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def play(found: list[Function], seed: str, most: int | None, minutes: float | None, jobs: int) -> float:
    """Prints which faults of functions live; returns how many of 100 are found."""
    until = time.monotonic() + 60 * minutes if minutes else float("inf")
    drawn = in_drawn_order(found, seed)[:most]
    made = [fault for each in faults(drawn) for fault in each]
    same = tomllib.loads(SAME.read_text()) if SAME.exists() else {}
    played = [fault for fault in made if str(fault) not in same]
    tests = Tests()
    if not minutes:  # it takes more than six of two calm cores: in few minutes a fault is played to its room instead
        tests.measure(drawn, jobs)

    def one(fault: Fault) -> bool | None:
        return tests.find(fault) if time.monotonic() < until else None

    with ThreadPoolExecutor(jobs) as pool:
        results = []
        for fault, is_found in zip(played, pool.map(one, played), strict=True):
            if is_found is False:
                print(f"LIVES  {fault}   (line {fault.line})", flush=True)
            results += [is_found] if is_found is not None else []
    excused = len(made) - len(played)
    if excused > MOST_SAME * len(made):
        raise SystemExit(f"{SAME.name} names {excused} of {len(made)} faults: one in twenty at most.")
    share = 100 * sum(results) / max(len(results), 1)
    print(f"{sum(results)} of {len(results)} faults found, {share:.0f} of 100; {len(found)} functions to draw from")
    return share


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="FILE", help="modules of the product; default: all")
    parser.add_argument("--changed", nargs="?", const="", metavar="BASE", help="what changed since; default: for a day")
    parser.add_argument("--most", type=int, metavar="N", help="draw as many functions; default: all")
    parser.add_argument("--minutes", type=float, help="begin no fault later")
    parser.add_argument("--seed", default="", help="draw others than the tree alone does")
    parser.add_argument("--planted", action="store_true", help="the faults of lab/planted.py instead")
    parser.add_argument("--only", default="", help="of these, in packages whose names begin so")
    parser.add_argument("--seeds", type=int, default=60, help="of storms for each; default: 60")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side; default: the cores")
    options = parser.parse_args()
    if options.planted:
        rows = [row for row in PLANTED if row[0].startswith(options.only)]
        lived = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for row, is_alive in zip(rows, pool.map(lives, rows, [options.seeds] * len(rows)), strict=True):
                print(f"{'LIVES' if is_alive else 'found'}  {row[0]} {row[1]}: {row[2].__name__}", flush=True)
                lived += is_alive
        return min(lived, 1)
    if options.changed is not None:
        found = changed(options.changed or a_day_before())
        found = [one for one in found if not options.modules or one.path in options.modules]
    else:
        paths = options.modules or product(git("ls-files"))
        found = [one for path in paths for one in functions(path, (ROOT / path).read_text())]
    share = play(found, options.seed, options.most, options.minutes, options.jobs)
    wanted = tomllib.loads((ROOT / "tests/budgets.toml").read_text())["faults found of 100"]
    if options.changed is not None and share < wanted:
        print(f"Fewer than {wanted} of 100 faults in what has changed are found: write the tests that miss.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
