"""Several processes of one worker: `stt/moonshine/tiny-en`, then `stt/moonshine/tiny-en#2` when it is busy, and so on.

Each replica is a worker of its own. A request goes to a free one, or waits. Once a request has waited for as long as a
start takes, another process is started, so that a start never costs much more than it saves; a waiting request goes to
the first replica that becomes free.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

from hushd_schema.settings import WorkerSettings

from .worker.request import ActiveRequest
from .worker.states import State
from .worker.worker import Worker

# The limit by role where the configuration sets none. Engines have threads for all cores: one moonshine keeps 1.9 of 2
# cores busy, and two at once did 0.76 times the work of one. Text is synthesised 175 times as fast as it is played.
MAX_REPLICAS = {"stt": 4, "tts": 1}
CORES_PER_PROCESS = 2  # cores that a process should have to itself
MAX_SESSION_PROCESSES = 4  # additional processes that live sessions may hold: each takes a fraction of a core


def limit(settings: WorkerSettings, role: str, family: Iterable[Worker], cores: int) -> int:
    """Returns how many replicas a worker may have.

    Unless configured: one on a graphics card; elsewhere as many as are faster together than one, and one more if a
    client would wait for another's requests, which may take minutes. One more for each process that a live session,
    which may last for hours, has to itself.
    """
    if role not in MAX_REPLICAS:  # one process must see all jobs: several may want the same model
        return 1
    if settings.max_replicas:
        return min(settings.max_replicas, cores)
    family = list(family)
    served = {request.caller for worker in family for request in worker.running}
    others_wait = any(request.caller not in served for worker in family for request in worker.waiting)
    held_by_sessions = sum(worker.holds_session for worker in family)
    for_sessions = min(held_by_sessions, MAX_SESSION_PROCESSES)
    if any(worker.memory.on_card for worker in family):  # a card computes for many at once, and has one memory
        return 1 + for_sessions
    return max(1, min(MAX_REPLICAS[role], cores // CORES_PER_PROCESS)) + max(others_wait, for_sessions)


def choose(request: ActiveRequest, family: list[Worker]) -> Worker:
    """Chooses the replica for a new request: one that runs it at once, else the one whose queue all share.
    Failing both, the worker of `family` that the request names."""
    free = [worker for worker in family if worker.would_run(request)]
    if free:
        return min(free, key=lambda worker: len(worker.running))
    queues = [worker for worker in family if worker.state not in (State.STOPPED, State.FAILED)]
    queues = queues or [worker for worker in family if worker.name == request.worker]
    return max(queues, key=lambda worker: (worker.state is State.BUSY, len(worker.waiting)))


def next_for(worker: Worker, family: Iterable[Worker], now: float) -> ActiveRequest | None:
    """Returns a request that waits at another replica and would run at `worker` at once."""
    if not worker.has_slot:
        return None
    for replica in sorted(family, key=lambda replica: -len(replica.waiting)):
        for request in replica.order(now) if replica is not worker else ():
            if (request.message.op != "warm" or replica.retires) and worker.would_run(request):
                return request
    return None


def help_due(family: list[Worker], cores: int) -> float:
    """The time at which to start another process; `math.inf` while no request waits, or a replica is not busy.
    Many requests for a worker without a process cause one start."""
    living = [worker for worker in family if worker.state is not State.STOPPED]
    if any(worker.state is not State.BUSY for worker in living):
        return math.inf  # checked first: after a crash many workers start, and each message passes all of them
    if len(living) >= limit(family[0].settings, family[0].name.split("/")[0], family, cores):
        return math.inf
    # Time before the process was ready does not count as waiting for a slot.
    since = [max(next(iter(w.waiting)).arrived, w.process.ready_at) for w in living if w.waiting]
    if not since:
        return math.inf
    return min(since) + min(worker.start_s for worker in living)


def names(name: str) -> Iterator[str]:
    """Yields the names of the replicas of worker `name`, endlessly."""
    yield name
    yield from (f"{name}#{number}" for number in itertools.count(2))
