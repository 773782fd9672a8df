"""Several processes of one worker: `stt/moonshine/tiny-en`, and when it is busy `stt/moonshine/tiny-en#2`, and so on.

Each replica is a worker of its own. A request goes to a free one, or waits. Once one has waited for as long as a start
takes, another process is started, so that a start never costs far more than it saves; a waiting request goes to the
first replica that becomes free.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from hushd_schema.settings import WorkerSettings

from .worker.request import ActiveRequest
from .worker.states import State
from .worker.worker import Worker

# The most replicas where the configuration sets no limit. Engines have threads for all cores: of two, one moonshine
# keeps 1.9 busy, and two at once did 0.76 times the work of one. Text is synthesised 175 times as fast as it is played.
MOST = {"stt": 4, "tts": 1}
CORES = 2  # that a process should have to itself
SESSIONS = 4  # processes that live sessions may hold beside those: each takes a fraction of a core


def limit(settings: WorkerSettings, role: str, family: Iterable[Worker], cores: int) -> int:
    """The number of replicas that there may be.

    Unless configured, as many as are faster together, one more where one client would wait for another, which may take
    minutes, and one for each that a live session, which may take hours, has to itself.
    """
    if role not in MOST:  # one process must see all jobs: several may want the same model
        return 1
    if settings.max_replicas:
        return min(settings.max_replicas, cores)
    family = list(family)
    served = {request.route for worker in family for request in worker.jobs.running.values()}
    others = any(request.route not in served for worker in family for request in worker.jobs.waiting)
    taken = sum(worker.jobs.running.sessions > 0 and not worker.jobs.queue.sessions for worker in family)
    return max(1, min(MOST[role], cores // CORES)) + max(others, min(taken, SESSIONS))


def choose(request: ActiveRequest, family: list[Worker]) -> Worker:
    """The replica for a new request: where it runs at once, else where the others wait, so that all share one queue.

    Failing both, the one of `family` that it names.
    """
    free = [worker for worker in family if worker.would_run(request)]
    if free:
        return min(free, key=lambda worker: len(worker.jobs.running))
    closed = (State.STOPPED, State.FAILED)
    queues = [worker for worker in family if worker.state not in closed] or [
        w for w in family if w.name == request.worker
    ]
    return max(queues, key=lambda worker: (worker.state is State.BUSY, len(worker.jobs.waiting)))


def next_for(worker: Worker, family: Iterable[Worker]) -> ActiveRequest | None:
    """A request that waits at another replica and would run at `worker` at once."""
    for other in sorted(family, key=lambda other: -len(other.jobs.waiting)):
        for request in other.jobs.waiting if other is not worker else ():
            if (request.message.op != "warm" or other.lifecycle.retires) and worker.would_run(request):
                return request
    return None


def help_due(family: list[Worker], cores: int) -> float:
    """The time at which to start another process; `math.inf` as long as nobody waits, or not all replicas are busy.

    Many requests for a worker that has no process yet are one start. A process that retires has its own replaced
    beyond the limit, except where the configuration sets that or only one may work.
    """
    living = [worker for worker in family if worker.state is not State.STOPPED]
    if any(worker.state is not State.BUSY for worker in living):
        return math.inf  # first: after a loss many workers start, and each message comes by all of them
    taking = [worker for worker in living if not worker.lifecycle.retires]
    counted = taking if living and may_be_replaced(living[0]) else living
    if len(counted) >= limit(family[0].settings, _role(family[0]), family, cores):
        return math.inf
    # Time before the process was ready does not count as waiting for a slot.
    since = [max(request.arrived, worker.lifecycle.ready_at) for worker in living for request in worker.jobs.waiting]
    if not since:
        return math.inf
    if not taking and any(map(stuck, living)):
        return min(since)
    return min(since) + min(worker.lifecycle.start_s for worker in living)


def may_be_replaced(worker: Worker) -> bool:
    """Returns whether another process may work beside one that retires."""
    return _role(worker) in MOST and not worker.settings.max_replicas


def stuck(worker: Worker) -> bool:
    """Returns whether it retires for longer than anybody can wait: a session, a pause, a download may take hours."""
    return worker.lifecycle.retires and (worker.jobs.running.endless > 0 or _role(worker) not in MOST)


def carries_on(family: Iterable[Worker]) -> list[Worker]:
    """The replicas that must go on taking work while they retire, since no other one does."""
    open_ = [worker for worker in family if worker.state not in (State.STOPPED, State.FAILED)]
    return [w for w in open_ if stuck(w) and w.jobs.waiting] if all(w.lifecycle.retires for w in open_) else []


def _role(worker: Worker) -> str:
    return worker.name.split("/")[0]


def names(name: str) -> Iterator[str]:
    """The names of the replicas of worker `name`, without end."""
    yield name
    number = 2
    while True:
        yield f"{name}#{number}"
        number += 1
