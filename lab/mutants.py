"""Plants faults in the supervisor's pure modules, one at a time, and reports those that no test catches.

Each fault is a line that somebody could have got wrong. The tests of the core have to catch it, or else the fuzz test;
a fault that lives means that a promise is not tested. One process imports and collects the tests of the core, and a
fork of it plays them to each fault (scripts/planted.py). What lives then meets the fuzz test in turn, in a copy of the
package, since that test starts processes of its own and takes every core.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from faults import FAULTS
from planted import ENDLESS, Fault, NotPlayed

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "supervisor" / "hushd_supervisor"
TESTS = ROOT / "tests" / "supervisor" / "core"
FUZZ = TESTS / "test_pool_fuzz.py"
TABLES = sorted({*TESTS.rglob("test_*.py")} - {FUZZ, *TESTS.glob("serving/*")})  # the door has no faults here
FAILED = re.compile(r"^(?:FAILED|ERROR) tests/supervisor/core/(\S+::.+)$", re.MULTILINE)  # a test, not its import
SEED_S = 0.3  # of the processor's time at most for a seed of the fuzz test, which takes 0.06


def in_forks(faults: list[Fault], jobs: int) -> Iterator[tuple[Fault, str | None]]:
    """Yields each fault with the first test of the core that fails; empty if none does, None if no fork can tell.

    Raises:
        NotPlayed: a fault has no place, or the tests fail without any.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "planted", "-p", "no:cacheprovider", *map(str, TABLES)]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "lab"), "HUSHD_FUZZ_SEEDS": "1",
        "MUTANTS": json.dumps({"jobs": jobs, "faults": faults}),
    }  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            if line.startswith("verdict "):
                number, test = json.loads(line.removeprefix("verdict "))
                yield faults[number], test
            else:
                lines.append(line)
    if process.returncode:
        raise NotPlayed("".join(lines))


def in_copy(fault: Fault | None, tests: list[Path], seeds: int) -> str:
    """Returns the first of the tests that fails with the fault planted in a copy of the package; empty if none does.

    Raises:
        NotPlayed: the tests could not be played, as where the fault is a syntax error, which proves nothing.
    """
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        package = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, package)
        if fault:
            (package / fault.file).write_text(fault.planted((package / fault.file).read_text()))
        environment = os.environ | {"PYTHONPATH": folder, "HUSHD_FUZZ_SEEDS": str(seeds)}
        limited = ["sh", "-c", 'ulimit -t "$0" && exec "$@"', str(round(60 + SEED_S * seeds))]
        options = ["-q", "-x", "--tb=no", "-rfE", "-p", "no:cacheprovider"]
        command = [*limited, sys.executable, "-m", "pytest", *options, *map(str, tests)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    failed = FAILED.search(done.stdout)
    if done.returncode < 0 or (done.returncode == 1 and failed):
        return failed[1] if failed else ENDLESS
    if done.returncode:
        raise NotPlayed(f"with {fault}, pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return ""


def tried(faults: list[Fault], seeds: int, jobs: int) -> Iterator[tuple[Fault, str]]:
    """Yields each fault with the test that caught it, an empty name for one that lives."""
    living, elsewhere = [], []
    for fault, test in in_forks(faults, jobs):
        if test:
            yield fault, test
        else:
            (elsewhere if test is None else living).append(fault)
    for fault in elsewhere:
        if test := in_copy(fault, TABLES, 1):
            yield fault, test
        else:
            living.append(fault)
    if living and (test := in_copy(None, [FUZZ], seeds)):
        raise NotPlayed(f"{test} fails without any fault planted")
    for fault in living:
        yield fault, in_copy(fault, [FUZZ], seeds)


def main() -> int:
    if sys.argv[1:2] == ["--simulated"]:
        sys.path.insert(0, str(ROOT / "tests"))
        from simulated import main as simulated  # whose modules see a simulated machine

        return simulated(sys.argv[2:])
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--simulated", action="store_true", help="in what the simulation loads: see its own --help")
    parser.add_argument("--only", default="", help="plant faults only in modules whose names begin so, such as worker/")
    parser.add_argument("--seeds", type=int, default=1000, help="of the fuzz test for each fault; default: 1000")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="faults side by side; default: the cores")
    parser.add_argument("-v", "--verbose", action="store_true", help="say which test caught each fault")
    options = parser.parse_args()
    faults = [Fault(*fault) for fault in FAULTS if fault[0].startswith(options.only)]
    began, fuzzed, alive = time.monotonic(), 0, 0
    try:
        for fault in faults:
            compile(fault.planted((PACKAGE / fault.file).read_text()), fault.file, "exec")
        for fault, test in tried(faults, options.seeds, options.jobs):
            if options.verbose or not test:
                print(f"{test or 'LIVES'}  {fault.module}: {fault.right!r} -> {fault.wrong!r}", flush=True)
            alive += not test
            fuzzed += test.startswith(FUZZ.name)
    except (NotPlayed, SyntaxError) as error:
        print(f"scripts/mutants: {error}", file=sys.stderr)
        return 2
    caught = len(faults) - alive
    counted = f"{caught - fuzzed} by the tests of the core, {fuzzed} more by the fuzz test"
    print(f"{len(faults)} faults planted, {caught} caught: {counted} ({time.monotonic() - began:.0f} s)")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
