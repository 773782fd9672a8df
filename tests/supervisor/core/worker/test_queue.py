"""Requests that wait for a worker: whose turn it is, how many there may be, and what their clients hear."""

from __future__ import annotations

import math

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.worker import queue
from hushd_supervisor.core.worker.queue import MAX_NOTICES
from hushd_supervisor.core.worker.request import NOTICE_INTERVAL_S, ActiveRequest
from hushd_supervisor.core.worker.states import State
from support.desk import Desk, desk_in
from support.house import A, House

CROWD = 1000


def ask(desk: Desk, client: bytes, **fields: object) -> ActiveRequest:
    desk.client = client
    return desk.request(**fields)


def served(desk: Desk, count: int) -> list[ActiveRequest]:
    """The next requests that run, each once the one before has its result."""
    found = []
    for _ in range(count):
        desk.result()
        found += desk.jobs.running.values()
    return found


def test_a_crowd_of_one_program_delays_another_by_one_job() -> None:
    """A thousand requests of one program wait, and none is refused: another's is the next but one."""
    desk = desk_in(State.BUSY)
    crowd = [ask(desk, b"crowd") for _ in range(CROWD)]
    other = ask(desk, b"other")
    assert not any(desk.terminal(request) for request in (*crowd[:3], crowd[-1], other))
    assert served(desk, 3) == [crowd[0], other, crowd[1]]


def test_the_connections_of_a_process_have_their_turns_together() -> None:
    """A thousand threads with a client each are one program, as their hello says; who says nothing is one by itself."""
    house = House({"": {"max_replicas": 1}})
    for number in range(5):
        pid = 7 if number < 4 else 8
        house.tell(ev.FromClient(b"%d" % number, m.Hello(protocol=1, version="1", pid=pid)))
    house.busy(A)
    crowd = [house.request(A, b"%d" % (number % 4)) for number in range(8)]
    other = house.request(A, b"4")
    for _ in range(3):
        house.finish(A)
    assert [job.id for job in house.jobs()][1:] == [crowd[0], other, crowd[1]]


def test_the_callers_of_a_connection_take_turns() -> None:
    """The gateway asks for many programs on one connection: each has its own turns, here and at the engine."""
    house = House({"": {"max_replicas": 1}})
    house.busy(A)
    crowd = [house.request(A, caller=1) for _ in range(4)]
    other = house.request(A, caller=2)
    for _ in range(6):
        house.finish(A)
    jobs = house.jobs()[1:]
    assert [job.id for job in jobs] == [crowd[0], other, *crowd[1:]]
    assert len({job.client for job in jobs}) == 2
    assert jobs[0].client == jobs[-1].client


def test_newcomers_pass_nobody_who_waits() -> None:
    """A connection with several requests is served, though each job that ends brings a new connection's."""
    desk = desk_in(State.BUSY)
    many = [ask(desk, b"many") for _ in range(3)]
    for number in range(12):  # more than wait at a time come between two of theirs
        ask(desk, b"new %d" % number)
        served(desk, 1)
    assert all(desk.terminal(request) == "result" for request in many)


def test_turns_are_not_kept_for_the_gone() -> None:
    """A connection for each request, all day: the queue remembers a few."""
    desk = desk_in(State.BUSY)
    for number in range(CROWD):
        ask(desk, b"%d" % number)
        served(desk, 1)
    (line,) = desk.jobs.queue._lanes.values()
    assert len(line._next) <= 65
    assert not line._counts


@pytest.mark.parametrize("bound", ["requests", "bytes"])
def test_the_bounds(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the queue full is told when to come back; what waits stays, and a place that is free is given."""
    desk = Desk(WorkerSettings(queue=3 if bound == "requests" else 100))
    desk.request()
    desk.ready()
    text = b"x" * 1000
    if bound == "bytes":
        monkeypatch.setattr(queue, "MAX_QUEUED_BYTES", 3300)
    waiting = [desk.request(payload=text) for _ in range(3)]
    assert not any(map(desk.terminal, waiting))
    refused = desk.answers(desk.request(payload=text))[-1]
    assert isinstance(refused, m.Error)
    assert (refused.code, refused.retryable) == ("overloaded", True)
    assert refused.retry_after_ms
    desk.cancel(waiting[0])
    assert desk.terminal(desk.request(payload=text)) == ""
    while desk.jobs.running:
        desk.result()
    assert not any(desk.terminal(desk.request(payload=text)) for _ in range(4))


def test_a_crowd_is_told_a_few_at_a_time() -> None:
    """Each of a thousand hears every 4 s, never all at once: a thousand threads that wake take all cores."""
    desk = desk_in(State.BUSY)
    crowd = [ask(desk, b"%d" % number) for number in range(CROWD)]
    began = desk.now
    rounds = 0
    while True:
        before = len(desk.actions)
        desk.now = max(desk.now, desk.jobs.waiting_deadline())
        if desk.now >= began + NOTICE_INTERVAL_S + 1:
            break
        desk.tick()
        assert 0 < len(desk.actions) - before <= MAX_NOTICES
        rounds += 1
    assert rounds >= CROWD / MAX_NOTICES
    told = [[a.position for a in desk.answers(t) if isinstance(a, m.Accepted)] for t in (crowd[0], crowd[-1])]
    assert told == [[0, 0], [CROWD - 1, CROWD - 1]]


def test_deadlines_end_a_crowd() -> None:
    """A thousand that wait end at their deadlines, each once, and nothing is due any more."""
    desk = desk_in(State.BUSY)
    for number in range(CROWD):
        message = m.Request(id=number.to_bytes(16, "big"), worker="stt/a/x", op="echo")
        late = ActiveRequest(b"%d" % number, message, "cli", "stt/a/x", number, desk.now, desk.now + 3.0)
        desk.requests.append(late)
        desk.take(desk.worker.submit(late, desk.now))
    while desk.jobs.waiting:
        desk.tick(max(desk.now, desk.jobs.waiting_deadline()))
    assert desk.now == 103.0
    assert {desk.terminal(request) for request in desk.requests[1:]} == {"deadline_exceeded"}
    assert desk.jobs.waiting_deadline() == math.inf


def test_who_waits_for_others_to_free_memory_hears_each_reason_once() -> None:
    """All whose start waits; a worker that has started needs nobody's memory, and its clients hear nothing."""
    desk = desk_in(State.WAITING)
    ask(desk, b"second")
    told = []
    for note in ("waiting for 1 GB", "waiting for 1 GB", "waiting for 2 GB"):
        desk.take(desk.worker.memory.wait_for_others(desk.now, note))
        told.append([(a.route, a.message.note) for a in desk.done if isinstance(a, do.ToClient)])
    first = [(b"route", "waiting for 1 GB"), (b"second", "waiting for 1 GB")]
    assert told == [first, [], [(route, "waiting for 2 GB") for route, _ in first]]
    desk = desk_in(State.STARTING)
    desk.take(desk.worker.memory.wait_for_others(desk.now, "waiting for 1 GB"))
    assert desk.done == []
