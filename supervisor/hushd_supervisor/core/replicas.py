"""Several processes of one worker: `stt/moonshine/tiny-en`, and when it is busy `stt/moonshine/tiny-en#2`, and so on.

Each is a brain of its own. A request goes to a free one, or waits. Once one has waited for as long as a start takes,
another process is started, so that a start is never far dearer than what it saves; who waits goes to the first that
becomes free.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from .settings import WorkerSettings
from .worker.request import Ticket
from .worker.states import State
from .worker.worker import Worker

# How many there may be at most where the configuration leaves it to us. Engines have threads for all cores: on two of
# them one moonshine keeps 1.9 busy, and two at once did 0.76 times the work of one. A text is spoken 175 times faster
# than it is heard.
MOST = {"stt": 4, "tts": 1}
CORES = 2  # that a process should have for itself


def limit(settings: WorkerSettings, role: str, family: Iterable[Worker], cores: int) -> int:
    """How many replicas there may be; by itself as many as are quicker together, and one more where somebody would wait
    for somebody else, or a file for a live session: that may be minutes, and hours."""
    if role not in MOST:  # the one that is there knows who waits for the same model
        return 1
    if settings.max_replicas:
        return min(settings.max_replicas, cores)
    family = list(family)
    served = {ticket.route for brain in family for ticket in brain.jobs.running.values()}
    others = any(ticket.route not in served for brain in family for ticket in brain.jobs.waiting)
    taken = any(brain.jobs.sessions and not brain.jobs.line.sessions for brain in family)
    return max(1, min(MOST[role], cores // CORES)) + (others or taken)


def choose(ticket: Ticket, family: Iterable[Worker]) -> Worker:
    """The replica that a new request goes to, its own brain if none is better: where it runs at once, else where the
    others wait, so that there is one line for all."""
    free = [brain for brain in family if brain.would_run(ticket)]
    if free:
        return min(free, key=lambda brain: len(brain.jobs.running))
    closed = (State.STOPPED, State.FAILED)
    queues = [brain for brain in family if brain.state not in closed] or [ticket.brain]
    return max(queues, key=lambda brain: (brain.state is State.BUSY, len(brain.jobs.waiting)))


def next_for(brain: Worker, family: Iterable[Worker]) -> Ticket | None:
    """Who waits at another replica and would run at `brain` at once."""
    for other in sorted(family, key=lambda other: -len(other.jobs.waiting)):
        for ticket in other.jobs.waiting if other is not brain else ():
            if ticket.request.op != "warm" and brain.would_run(ticket):
                return ticket
    return None


def help_due(family: Iterable[Worker], most: int) -> float:
    """When another process should be started, `math.inf` for not as things are.

    Only beside those that all work: many cold requests are one start.
    """
    living = [brain for brain in family if brain.state is not State.STOPPED]
    if len(living) >= most or any(brain.state is not State.BUSY for brain in living):
        return math.inf
    # Time before its process was ready was no waiting for a place.
    since = [max(ticket.arrived, brain.ready_at) for brain in living for ticket in brain.jobs.waiting]
    return min(since) + min(brain.start_s for brain in living) if since else math.inf


def names(name: str) -> Iterator[str]:
    """What the replicas of worker `name` are called, without end."""
    yield name
    number = 2
    while True:
        yield f"{name}#{number}"
        number += 1
