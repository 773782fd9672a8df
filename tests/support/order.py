"""Another order of the tests, drawn by a seed: what passes in one order only depends on what ran before it.

`scripts/test --order drawn` draws the seed, too, and prints it; `--order 7` brings an order back. Files are shuffled,
and the tests of each, so that what a file's tests share is still started once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest


def seed(asked: str) -> int:
    """Returns the seed that is asked for.

    Raises:
        pytest.UsageError: that is none.
    """
    if asked != "drawn" and not asked.isdecimal():
        raise pytest.UsageError(f"--order takes a number, or `drawn`, not {asked!r}.")
    return random.SystemRandom().randrange(1_000_000) if asked == "drawn" else int(asked)


def drawn(items: Sequence[pytest.Item], seed: int) -> list[pytest.Item]:
    """Returns the tests in the order of a seed."""
    dice = random.Random(seed)
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    order = list(files.values())
    for tests in (order, *order):
        dice.shuffle(tests)
    return [item for tests in order for item in tests]
