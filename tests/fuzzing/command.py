"""Feeds hostile input to the supervisor's socket and to everything that hushd parses, and reports what breaks.

Each target makes its inputs from a seed, by a generator that knows the format: whole messages and files with parts
replaced, cut out, doubled, nested and set to odd values. A target runs in a process of its own. Findings are an
exception that the code does not promise, a process that dies, and an input that takes longer than 5 s of the processor
or 150 s of the clock. Each is printed with the command that repeats it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .run import STUCK_S, Report, run
from .targets import TARGETS

LOOK_S = 1.0
PROGRAM = [sys.executable, "-m", "fuzzing"]


def watched(
    name: str, seed: str, seconds: float, inputs: int, first: int, popen: type[subprocess.Popen[Any]] = subprocess.Popen
) -> Report:
    """Runs a target in a process of its own, which may die or hang; `popen` starts it."""
    with tempfile.TemporaryDirectory(prefix="hushd-fuzz-", dir="/tmp") as folder:
        place = Path(folder, "at")
        place.write_text(str(first))
        command = [
            *PROGRAM, "--inside", folder, "--seed", seed, "--seconds", str(seconds),
            "--inputs", str(inputs), "--first", str(first), name,
        ]  # fmt: skip
        began = time.monotonic()
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        with popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            stuck = _wait(process, place)
            assert process.stdout
            printed = process.stdout.read()
        if process.returncode == 0:
            return Report(**json.loads(printed.splitlines()[-1]))
        at = int(place.read_text())
        tail = Path(folder, "errors").read_text(errors="replace")[-1500:]
        why = f"takes longer than {STUCK_S:.0f} s" if stuck else f"ended the process with {process.returncode}"
        print(tail, file=sys.stderr)
        return Report(at - first, time.monotonic() - began, {f"input {at} {why}": at})


def _wait(process: subprocess.Popen[str], place: Path) -> bool:
    """Waits for the process; returns whether it had to be ended, since it was at the same input for too long."""
    last, since = "", time.monotonic()
    while True:
        try:
            process.wait(LOOK_S)
            return False
        except subprocess.TimeoutExpired:
            now = place.read_text()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STUCK_S:
            process.send_signal(signal.SIGABRT)  # faulthandler prints where it is
            process.wait()
            return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", metavar="TARGET", nargs="*", help=f"default: all of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=float, default=10, help="for each target (default: %(default)s)")
    parser.add_argument("--inputs", type=int, default=10**9, help="at most, for each target")
    parser.add_argument("--seed", default=str(int(time.time())), help="of the inputs (default: the time)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="begin with the Nth input of the seed")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}: there are {', '.join(TARGETS)}")
    os.environ.pop("PYTHONPATH", None)  # where this module was found; nobody else looks there
    if options.inside:
        (name,) = options.targets
        report = run(name, options.inside, options.seed, options.seconds, options.inputs, options.first)
        print(json.dumps(report._asdict()))
        return 0
    return survey(options)


def survey(options: argparse.Namespace) -> int:
    """Runs the targets one after the other, and prints a table of them; 1 where anything was found."""
    total, found = 0, 0
    print(f"seed {options.seed}\n{'target':<20} {'inputs':>10} {'a second':>9}  findings")
    for name in options.targets or TARGETS:
        report = watched(name, options.seed, options.seconds, options.inputs, options.first)
        total, found = total + report.inputs, found + len(report.findings)
        speed = report.inputs / max(report.seconds, 1e-9)
        print(f"{name:<20} {report.inputs:>10,} {speed:>9,.0f}  {len(report.findings)}", flush=True)
        for finding, number in report.findings.items():
            print(f"  {finding}\n    tests/fuzz --seed {options.seed} --first {number} --inputs 1 {name}", flush=True)
    print(f"{'all':<20} {total:>10,} {'':>9}  {found}")
    return 1 if found else 0
