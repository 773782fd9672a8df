"""The share of a queue that one client may take, so that none closes it for the others."""

from __future__ import annotations

from collections.abc import Iterable

# Requests of one client that may wait for each place that is still free: alone it gets four fifths. One client may be
# the gateway, with forty programs behind it.
SHARE = 4


def has_room(route: bytes, rank: int, waiting: Iterable[tuple[bytes, int]], places: int) -> bool:
    """Returns whether a queue of `places` takes one more request, of client `route` with priority `rank`.

    However many clients flood it, each leaves places free for the next one. Of the client's own requests only those of
    the same or a higher priority count, so that it is not shut out by its own lesser ones.

    Args:
        waiting: the client and the priority of each request that waits.
    """
    free, own = places, 0
    for other, priority in waiting:
        free -= 1
        own += other == route and priority <= rank
    return own < SHARE * free
