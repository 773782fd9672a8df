"""Runs the tests that find planted faults, each with its fault in a copy of the package.

The processes that a test starts import that copy too.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from simulated_faults import TESTED
from simulated_plants import PACKAGES, ROOT, Plant, made, path_of, written
from transplant import NotPlayed

LIMIT_S = 120  # for the test of one fault, which takes seconds
ALL_S = 900  # for all of them without any fault


def play(only: str) -> int:
    """Runs each test of `TESTED` with its fault planted, in modules whose names begin so; returns 1 if a fault lives.

    Raises:
        NotPlayed: a fault has no place, or a test fails without it.
    """
    chosen = [(key, test) for key, test in TESTED if not only or key.startswith(tuple(only.split(",")))]
    plants = placed(key for key, _ in chosen)
    if broken := failed(None, sorted({test for _, test in chosen}), ALL_S):
        raise NotPlayed(f"{broken} fails without any fault")
    lived = 0
    for key, test in chosen:
        found = failed(plants[key], [test])
        lived += not found
        print(f"{'found' if found else 'LIVES'} by {test}  {plants[key]}", flush=True)
    print(f"{len(chosen) - lived} of {len(chosen)} are found by the tests that the table names")
    return 1 if lived else 0


def placed(keys: Iterable[str]) -> dict[str, Plant]:
    """Returns the faults by their keys. Raises NotPlayed for one that has no place."""
    plants = {plant.key: plant for plant in (*written(), *made(1)[0])}
    if gone := [key for key in keys if key not in plants]:
        raise NotPlayed(f"no line has this fault any more: {gone[0]}")
    return plants


def failed(plant: Plant | None, tests: Sequence[str], limit_s: float = LIMIT_S) -> str:
    """Returns the first of `tests` that fails with a fault planted, or without any; empty if none does.

    Raises:
        NotPlayed: the tests could not be run, which proves nothing.
    """
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        if plant:
            package = plant.module.partition(".")[0]
            shutil.copytree(ROOT / PACKAGES[package] / package, Path(folder, package))
            place = path_of(plant.module).relative_to(ROOT / PACKAGES[package])
            Path(folder, place).write_text(ast.unparse(plant.tree()))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-rfE", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | {"PYTHONPATH": folder}, capture_output=True, text=True,
                timeout=limit_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "no end"
    if done.returncode <= 0:  # a fault may have ended pytest by a signal
        return f"signal {-done.returncode}" if done.returncode else ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode != 1 or not lines:
        raise NotPlayed(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return lines[0].split(" ")[1]
