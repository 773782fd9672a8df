"""Several processes of one worker: `stt/moonshine/tiny-en`, and when it is busy `stt/moonshine/tiny-en#2`, and so on.

Each is a brain of its own. A request goes to a free one, or starts another while the configuration, cores and memory
allow it, or waits; who waits at one goes to the first that becomes free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .brain import Brain
from .states import State


def choose(name: str, family: Iterable[Brain], limit: int, fits: Callable[[], bool]) -> str:
    """The process that a new request for worker `name` goes to.

    Args:
        family: the replicas there are.
        limit: how many there may be.
        fits: whether there is memory for one more, without anybody leaving for it.
    """
    family = list(family)
    free = [brain for brain in family if is_free(brain)]
    if free:
        return min(free, key=lambda brain: len(brain.jobs.running)).name
    living = [brain for brain in family if brain.state.has_process]
    # Another one only beside those that all work: many cold requests are one start.
    if living and all(brain.state is State.BUSY for brain in living) and len(living) < limit and fits():
        taken = {brain.name for brain in family if brain.state is not State.STOPPED}
        if unused := [other for other in _names(name, limit) if other not in taken]:
            return unused[0]
    return min(family, key=lambda brain: len(brain.jobs.waiting)).name if family else name


def is_free(brain: Brain) -> bool:
    """Whether a request would run there at once."""
    return brain.state in (State.READY, State.BUSY) and not brain.jobs.waiting and len(brain.jobs.running) < brain.slots


def _names(name: str, limit: int) -> Iterable[str]:
    return (name, *(f"{name}#{number}" for number in range(2, limit + 1)))
