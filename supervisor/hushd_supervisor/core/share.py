"""The share of a queue that one program may take, so that none closes it for the others."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

# Requests of one program that may wait for each place that is still free: alone it gets four fifths. One may be the
# gateway, with forty programs behind it.
SHARE = 4


def has_room(program: Hashable, rank: int, waiting: Iterable[tuple[Hashable, int]], places: int) -> bool:
    """Returns whether a queue of `places` takes one more request, of a program with priority `rank`.

    However many programs flood it, each leaves places free for the next one. Of the program's own requests only those
    of the same or a higher priority count, so that it is not shut out by its own lesser ones.

    Args:
        waiting: the program and the priority of each request that waits.
    """
    free, own = places, 0
    for other, priority in waiting:
        free -= 1
        own += other == program and priority <= rank
    return own < SHARE * free
