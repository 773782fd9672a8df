"""Points at which a simulation takes an allowed but rare path; outside a simulation each of them is False.

Where the code says `if buggify("name"):`, it takes another path that is equally correct: it wakes up for nothing,
writes only a part of a queue, looks again later. Such paths are seldom taken by chance, and never when a test needs
them. The simulation (tests/simulation) replaces this function with its dice before any module imports it: no setting
does that.
"""

from __future__ import annotations


def buggify(point: str) -> bool:
    """Returns whether to take the rare path at `point`, a name that no other point has."""
    return False
