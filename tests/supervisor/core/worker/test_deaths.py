"""An engine that dies at each point of its life, thousands of times: restarts as documented, and a life after it."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core.status import row
from hushd_supervisor.core.worker.crashes import BACKOFF_S, COOLDOWN_S, LIMIT
from hushd_supervisor.core.worker.states import State
from support.desk import Desk
from support.seeds import seeds

LIVES = 1000
POINTS = ("import", "load", "ready", "job", "stream", "drain")
ENDS = ("result", "worker_crashed", "worker_failed", "poison_request", "worker_stopped")


def live(desk: Desk, point: str) -> None:
    """Lives until a point, and dies there."""
    if point != "import":
        desk.from_worker(m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    if point == "load":
        desk.from_worker(m.Loading(note="half of it"))
    if point in ("ready", "job", "stream", "drain"):
        desk.from_worker(m.Ready())
    if point == "stream" and (running := list(desk.worker.jobs.running)):
        desk.from_worker(m.Chunk(id=running[0], seq=0, rate=16000, channels=1, payload=b"ab"))
    if point == "drain":
        desk.result()
        desk.unload(b"stranger")
    desk.exit(13)


def until_started(desk: Desk) -> None:
    """Lets time pass until a process starts, or nothing more is due."""
    for _ in range(20):
        if desk.worker.state is State.STARTING or desk.worker.deadline() == math.inf:
            return
        desk.time()


@pytest.mark.parametrize("point", POINTS)
def test_an_engine_that_dies_a_thousand_times_comes_back_each_time(point: str) -> None:
    """Every request ends once; the status says why; starts are apart as documented; a whole process heals all."""
    desk = Desk()
    pauses: list[float] = []  # between a death and the next start
    died = -math.inf
    while desk.worker.lifecycle.starts < LIVES:
        desk.request()
        until_started(desk)
        if desk.worker.state is State.STARTING:
            pauses.append(desk.now - died)
            live(desk, point)
            died = desk.now
            shown = row(desk.worker, 0, died).failure
            assert shown == ("" if point == "drain" else "exit status 13; its log ends: boom")
    if point in ("import", "load"):  # of the others some are explained by the request under which they died
        assert pauses[1 : LIMIT + 1] == [BACKOFF_S, 2 * BACKOFF_S, 4 * BACKOFF_S, COOLDOWN_S]
        assert min(pauses[LIMIT:]) >= BACKOFF_S
        assert len(pauses) / (desk.now - 100.0) < 3 * LIMIT / COOLDOWN_S
    _heals(desk)
    _each_ended_once(desk)


@seeds(200)
def test_deaths_at_any_points_leave_nothing_behind(seed: int) -> None:
    """Whatever the points and the pauses between them, the next process that lives answers what waits."""
    dice = random.Random(seed)
    desk = Desk()
    for _ in range(dice.randint(1, 12)):
        desk.request(input=dice.choice(("inline", "stream")))
        if dice.random() < 0.7:
            until_started(desk)
        if desk.worker.state is State.STARTING:
            live(desk, dice.choice(POINTS))
        desk.now += dice.choice((0.0, 0.0, 70.0))
    _heals(desk)
    assert {desk.terminal(request) for request in desk.requests} <= set(ENDS)
    _each_ended_once(desk)


def test_who_waits_behind_those_that_die_loses_nothing() -> None:
    """A request that never ran on a process that died is served, however many deaths it waited through."""
    desk = Desk()
    requests = [desk.request() for _ in range(20)]
    had = set()
    for _ in range(24):
        until_started(desk)
        desk.ready()
        had |= set(desk.worker.jobs.running)
        desk.exit(13)
    _heals(desk)
    untouched = [request for request in requests if request.message.id not in had]
    assert len(untouched) == 20 - len(had) > 0
    assert {desk.terminal(request) for request in untouched} == {"result"}
    assert {desk.terminal(request) for request in requests if request not in untouched} <= {"poison_request", "result"}
    _each_ended_once(desk)


def _each_ended_once(desk: Desk) -> None:
    ends = Counter(
        action.message.id
        for action in desk.actions
        if isinstance(action, do.ToClient) and isinstance(action.message, m.Result | m.Error)
    )
    assert ends == dict.fromkeys((request.message.id for request in desk.requests), 1)


def _heals(desk: Desk) -> None:
    """The cause is gone: after the cooldown at the latest a request is served, and the status has no complaint."""
    for _ in range(20):
        if desk.worker.state in (State.STOPPED, State.STARTING):
            break
        desk.time()
    request = desk.request()
    until_started(desk)
    desk.ready()
    desk.result()
    while desk.worker.state is State.BUSY:
        desk.result()
    assert desk.terminal(request) == "result"
    assert desk.worker.state is State.READY
    assert row(desk.worker, 0, desk.now).failure == ""
