"""The share of a queue that one program may take, so that no program fills it for the others."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

# How many requests of one program may wait for each place that is still free; a program alone gets four fifths. The
# gateway is one program, with forty others behind it.
SHARE = 4


def has_room(program: Hashable, rank: int, waiting: Iterable[tuple[Hashable, int]], places: int) -> bool:
    """Returns whether a queue of `places` takes one more request of `program` with priority `rank`.

    However many programs flood the queue, each leaves places free for the next one. Of the program's own requests only
    those of the same or a higher priority count, so that its less urgent ones do not shut it out.

    Args:
        waiting: the program and the priority of each request that waits.
    """
    free, ahead = places, 0
    for owner, priority in waiting:
        free -= 1
        ahead += owner == program and priority <= rank
    return ahead < SHARE * free
