"""Points at which a simulation takes an allowed and rare way; for everybody else each of them is False.

Where the code says `if buggify("name"):`, it takes another way that is as right: it wakes up for nothing, writes out a
part of a queue, looks again later. Such ways are seldom taken by chance, and never when a test needs them. The dice of
the simulation (tests/simulation) take this function's place before any module imports it: no setting leads there.
"""

from __future__ import annotations


def buggify(point: str) -> bool:
    """Returns whether to take the rare way at `point`, a name that no other point has."""
    return False
