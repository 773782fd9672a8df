"""Plants faults in the supervisor's pure modules, one at a time, and reports those that no test catches.

Each fault is a line that somebody could have got wrong. The tests of the state table, the races, the leases, the floor
and memory have to catch it, or else the fuzz test; a fault that lives means that a promise is not tested.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faults import FAULTS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "supervisor" / "hushd_supervisor"
CORE = PACKAGE / "core"
FUZZ = ["tests/supervisor/core/test_pool_fuzz.py"]
TABLES = [
    "tests/supervisor/core/worker/test_states.py",
    "tests/supervisor/core/worker/test_races.py",
    "tests/supervisor/core/worker/test_leases.py",
    "tests/supervisor/core/worker/test_aside.py",
    "tests/supervisor/core/test_pool_requests.py",
    "tests/supervisor/core/test_replicas.py",
    "tests/supervisor/core/test_retirement.py",
    "tests/supervisor/core/test_sessions.py",
    "tests/supervisor/core/test_share.py",
    "tests/supervisor/core/test_floor.py",
    "tests/supervisor/core/test_machines.py",
    "tests/supervisor/core/memory/test_pressure.py",
    "tests/supervisor/core/memory/test_admission.py",
    "tests/supervisor/core/memory/test_placement.py",
    "tests/supervisor/core/memory/test_shortage.py",
    "tests/supervisor/core/test_devices.py",
    "tests/supervisor/core/test_yields.py",
]


def caught(folder: Path, tests: list[str], seeds: int) -> bool:
    environment = os.environ | {"PYTHONPATH": str(folder), "HUSHD_FUZZ_SEEDS": str(seeds)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "120", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="plant faults only in modules whose names begin so, such as worker/")
    parser.add_argument("--seeds", type=int, default=1000, help="of the fuzz test for each fault; default: 1000")
    options = parser.parse_args()
    began, by_fuzz, by_tables, alive = time.monotonic(), 0, 0, []
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        folder = Path(name)
        if caught(folder, FUZZ + TABLES, options.seeds):
            print("scripts/mutants: the tests fail without any fault planted", file=sys.stderr)
            return 2
        faults = [fault for fault in FAULTS if fault[0].startswith(options.only)]
        for module, right, wrong in faults:
            shutil.copytree(PACKAGE, folder / PACKAGE.name, dirs_exist_ok=True)
            source = folder / PACKAGE.name / CORE.name / f"{module}.py"
            text = source.read_text()
            if text.count(right) < 1:
                print(f"scripts/mutants: {module}.py has no {right!r} any more", file=sys.stderr)
                return 2
            source.write_text(text.replace(right, wrong, 1))
            if caught(folder, TABLES, 1):  # first, because they take a second
                by_tables += 1
            elif caught(folder, FUZZ, options.seeds):
                by_fuzz += 1
            else:
                alive.append((module, right))
                print(f"LIVES  {module}: {right!r} -> {wrong!r}", flush=True)
    total = len(faults)
    print(
        f"{total} faults planted, {total - len(alive)} caught: {by_tables} by the tables, {by_fuzz} more by the fuzz "
        f"test ({time.monotonic() - began:.0f} s)"
    )
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
