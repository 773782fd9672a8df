"""One worker on a desk: a test decides what happens to it, and when time passes."""

from __future__ import annotations

import itertools
import math
from typing import Any

from hushd_protocol import messages as m
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.worker.jobs import Jobs
from hushd_supervisor.core.worker.lifecycle import Lifecycle
from hushd_supervisor.core.worker.request import ActiveRequest
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .house import sent

NAME = "stt/a/x"


def jobs_of(worker: Worker) -> Jobs:
    """The jobs that a worker keeps for itself."""
    return worker._jobs


class Desk:
    """One worker, its clock, and the requests given to it."""

    def __init__(self, settings: WorkerSettings | None = None) -> None:
        self.worker = Worker(NAME, settings or WorkerSettings(), itertools.count(1))
        self.now = 100.0
        self.full = False
        self.client = b"route"
        self.requests: list[ActiveRequest] = []
        self.actions: list[do.Action] = []
        self.done: list[do.Action] = []  # by the last stimulus

    @property
    def jobs(self) -> Jobs:
        return jobs_of(self.worker)

    @property
    def lifecycle(self) -> Lifecycle:
        return self.worker._lifecycle

    @property
    def crashes(self) -> int:
        return self.worker.recent_crashes

    def take(self, actions: list[do.Action]) -> None:
        """Books the actions; there is memory for every start, unless `full`."""
        self.done = actions + ([] if self.full else self.worker.memory.admit(self.now))
        self.actions += self.done
        for action in self.done:
            if isinstance(action, do.Spawn):
                self.worker.handle(ev.Spawned(NAME, action.gen), self.now)

    def request(self, **fields: object) -> ActiveRequest:
        number = len(self.requests) + 1
        fields = {"op": "echo", "credit": 8, **fields}
        message = sent(m.Request(id=number.to_bytes(16, "big"), worker=NAME, **fields))  # type: ignore[arg-type]
        request = ActiveRequest(self.client, message, "cli", NAME, number, self.now)
        self.requests.append(request)
        self.take(self.worker.submit(request, self.now))
        return request

    def news(self, kind: type[ev.OfProcess], *what: Any, scarce: bool = False, **how: Any) -> None:
        """Tells the worker of an event of its process: of a `kind`, with these fields."""
        self.take(self.worker.handle(kind(NAME, self.worker.process.gen, *what, **how), self.now, scarce))

    def from_worker(self, message: m.Message) -> None:
        self.news(ev.FromWorker, sent(message))

    def ready(self) -> None:
        self.from_worker(m.WorkerHello(token="t", protocol=1, version="1", pid=2))
        self.from_worker(m.Ready())

    def result(self) -> None:
        for name in list(self.jobs.running):
            self.from_worker(m.Result(id=name))

    def exit(self, status: int, **how: bool) -> None:
        self.news(ev.Exited, status, "boom\n", **how)

    def unload(self, owner: bytes | None = None, force: bool = False) -> None:
        """Unloads the worker for the client that asked for its jobs, or for `owner`."""
        self.take(self.worker.unload(self.now, self.client if owner is None else owner, force))

    def hold(self) -> None:
        self.take(self.worker.hold(self.now))

    def shutdown(self) -> None:
        self.take(self.worker.shutdown(self.now))

    def cancel(self, request: ActiveRequest) -> None:
        self.take(self.worker.cancel(request, self.now))

    def grant(self, request: ActiveRequest, chunks: int) -> None:
        self.take(self.worker.grant(request, chunks, self.now))

    def input(self, request: ActiveRequest, chunk: m.Chunk) -> None:
        self.take(self.worker.input(request, chunk, self.now))

    def tick(self, at: float | None = None) -> None:
        """The worker looks at the clock, now or at a later time."""
        self.now = self.now if at is None else at
        self.take(self.worker.on_time(self.now))

    def time(self) -> None:
        """Waits for whatever is due next, beyond looks at a start and words to those who wait."""
        quiet = True
        while quiet and (due := self.worker.deadline()) < math.inf:
            self.now, state = due, self.worker.state
            done = self.worker.on_time(due)
            self.take(done)
            looks = [isinstance(a, do.ProbeStart) or isinstance(getattr(a, "message", None), m.Accepted) for a in done]
            quiet = bool(done) and all(looks) and self.worker.state is state

    def answers(self, request: ActiveRequest) -> list[m.Message]:
        return [
            a.message
            for a in self.actions
            if isinstance(a, do.ToClient) and getattr(a.message, "id", None) == request.message.id
        ]

    def terminal(self, request: ActiveRequest) -> str:
        """The end of `request`: `result`, a code, or nothing yet."""
        ends = [a for a in self.answers(request) if isinstance(a, m.Result | m.Error)]
        assert len(ends) <= 1
        assert not ends or self.answers(request)[-1] is ends[0], "the terminal message comes last"
        return "" if not ends else ends[0].code if isinstance(ends[0], m.Error) else "result"


def desk_in(state: State) -> Desk:
    """A desk whose worker has just come into `state` by the usual way, with one request where the state has one."""
    desk = Desk()
    if state is State.STOPPED:
        return desk
    desk.full = state is State.WAITING
    desk.request()
    if state is State.WAITING:
        return desk
    if state is State.STARTING:
        return desk
    if state is State.BACKOFF:
        desk.exit(1)
        return desk
    if state is State.FAILED:
        for _ in range(4):
            desk.exit(1)
            if desk.worker.state is State.BACKOFF:
                desk.time()
        return desk
    desk.ready()
    if state is State.BUSY:
        return desk
    if state is State.DRAINING:
        desk.hold()
        return desk
    if state is State.KILLING:
        desk.time()  # no beat
        return desk
    desk.result()
    if state is State.STOPPING:
        desk.unload()
    return desk
