"""Runs hushd's demo and tests on a machine of the matrix: `scripts/test --machine NAME`."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from .matrix import MACHINES, Machine, drawn
from .root import RootError

TREE = Path(__file__).parents[2]


def main(words: list[str]) -> int:
    names = "\n".join(f"  {machine.name:<12}{machine.about}" for machine in MACHINES.values())
    parser = argparse.ArgumentParser(
        prog="scripts/test", description=f"{__doc__}\n\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--machine", required=True, metavar="NAME", choices=[*MACHINES, "drawn", "all"],
        help="one of these; `drawn`: by the last commit, its share of a day; `all`: one after the other",
    )  # fmt: skip
    parser.add_argument("--by-day", action="store_true", help="run no more than a day does where it is drawn")
    parser.add_argument("--passed-to", metavar="FILE", type=Path, help="write there which of all tests passed")
    options = parser.parse_args(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    if _git("status", "--porcelain"):
        print("What is not committed is not tested: the machines clone the last commit.", file=sys.stderr)
    if options.machine == "drawn":
        commit = _git("rev-parse", "HEAD")
        machines, options.by_day = [drawn(commit)], True
        print(f"Drawn by {commit[:10]}: scripts/test --machine {machines[0].name} --by-day", flush=True)
    else:
        machines = list(MACHINES.values()) if options.machine == "all" else [MACHINES[options.machine]]
    verdicts = {machine.name: played(machine, options.by_day, options.passed_to) for machine in machines}
    for name, verdict in verdicts.items():
        print(f"{name}: {verdict or 'green'}", flush=True)
    return int(any(verdicts.values()))


def played(machine: Machine, by_day: bool, passed_to: Path | None) -> str:
    """Runs all that a machine has to; returns why it is not green, if so."""
    if reason := machine.missing():
        return f"It cannot be had here: {reason}."
    try:
        with machine.entered(TREE) as clone:
            failed = []
            for run in (by_day and machine.by_day) or machine.runs:
                asked = ("--passed-to", f"{clone.folder}-passed") if passed_to and run.all_tests else ()
                began = time.monotonic()
                print(f"\n{machine.name} $ {' '.join(run.words)}", flush=True)
                reason = clone.run((*run.words, *asked), run.limit_s)
                print(f"{machine.name}: {' '.join(run.words)}: {reason or 'passed'}, {time.monotonic() - began:.0f} s")
                if reason:
                    failed.append(f"{' '.join(run.words)} {reason}")
                elif passed_to and asked:
                    shutil.copyfile(f"{clone.outside}-passed", passed_to)
            return "; ".join(failed)
    except RootError as error:
        return f"{error}"
    except subprocess.TimeoutExpired as error:
        return f"It took longer than {error.timeout:.0f} s to make."


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", TREE, *words], capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
