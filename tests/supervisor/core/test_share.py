"""A client that floods the queues takes a share of each, and closes none for others."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import Settings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.core.share import SHARE, has_room

IMPORTANT, TEXT, PROGRESS = 0, 2, 4


class House:
    """A pool with several clients, and one process for each worker that starts."""

    def __init__(self, settings: Settings) -> None:
        self.pool = Pool(settings, version="1", pid=1, memory=lambda: Memory(1 << 40, 1 << 40))
        self.ids = itertools.count(1)

    def connect(self, route: bytes) -> None:
        self.pool.handle(ev.FromClient(route, m.Hello(protocol=1, version="1")), 0)

    def ask(self, route: bytes, worker: str, priority: str = "text") -> str:
        """The code with which a new request is refused, empty if it is accepted; a process that starts is ready."""
        name = next(self.ids).to_bytes(16, "big")
        request = m.Request(id=name, worker=worker, op="echo", credit=8, priority=priority)
        actions = self.pool.handle(ev.FromClient(route, request), 0)
        for spawn in [action for action in actions if isinstance(action, do.Spawn)]:
            self.pool.handle(ev.FromWorker(spawn.worker, spawn.gen, m.Ready()), 0)
        said = [action.message for action in actions if isinstance(action, do.ToClient)]
        return next((answer.code for answer in said if isinstance(answer, m.Error)), "")

    def flood(self, route: bytes, workers: list[str], count: int, priority: str) -> Counter[str]:
        """Asks `count` times in turns for `workers`, which answer nothing."""
        return Counter(self.ask(route, workers[number % len(workers)], priority) for number in range(count))


@pytest.fixture
def house() -> House:
    house = House(Settings())
    for route in (b"flood", b"other"):
        house.connect(route)
    return house


def test_a_flood_on_other_workers_closes_no_idle_one(house: House) -> None:
    """200 requests of one connection wait for workers of its own: an idle, ready worker serves another program."""
    house.pool.handle(ev.FromClient(b"other", m.Request(id=b"o" * 16, worker="tts/a/ready", op="warm")), 0)
    ((spawn, worker),) = [(worker.gen, worker) for worker in house.pool._workers.values()]
    house.pool.handle(ev.FromWorker(worker.name, spawn, m.Ready()), 0)
    refused = house.flood(b"flood", [f"stt/a/m{number}" for number in range(20)], 400, "progress")
    assert refused["overloaded"] > 150
    assert house.ask(b"other", "tts/a/ready", "important") == ""
    assert house.ask(b"other", "tts/a/ready", "progress") == "", "and one that has to wait finds a place too"


def test_a_flood_on_one_worker_leaves_places_for_others(house: House) -> None:
    """Hundreds of requests of one connection on one worker: others wait for it, also at the lowest priority."""
    refused = house.flood(b"flood", ["stt/a/x"], 300, "progress")
    assert refused["overloaded"] > 200
    assert [house.ask(b"other", "stt/a/x", "progress") for _ in range(5)] == [""] * 5


def test_what_would_run_at_once_does_not_wait_at_the_door() -> None:
    """However full the queues are: a request for an idle, ready worker takes no place in any."""
    house = House(Settings(worker={"": {"max_replicas": 1}}, queue=3))
    for number in range(4):
        house.connect(b"%d" % number)
    assert house.ask(b"0", "tts/a/idle") == ""
    worker = house.pool._workers["tts/a/idle"]
    (running,) = worker.jobs.running
    house.pool.handle(ev.FromWorker(worker.name, worker.gen, m.Result(id=running)), 0)
    assert house.ask(b"0", "stt/a/x") == ""  # runs
    assert [house.ask(b"%d" % number, "stt/a/x") for number in range(4)] == ["", "", "", "overloaded"]
    assert house.ask(b"3", "tts/a/idle") == ""
    assert house.ask(b"3", "tts/a/idle") == "overloaded", "the second would wait"


def test_a_client_is_not_shut_out_by_its_own_lesser_requests(house: House) -> None:
    """Progress messages without end: the same client's important request is accepted."""
    house.flood(b"flood", ["stt/a/x"], 300, "progress")
    assert house.ask(b"flood", "stt/a/x", "progress") == "overloaded"
    assert house.ask(b"flood", "stt/a/x", "important") == ""


@pytest.mark.parametrize("places", [1, 2, 3, 50, 200])
@pytest.mark.parametrize("floods", [1, 2, 3, 5])
def test_floods_leave_room(places: int, floods: int) -> None:
    """Each flood gets as much as the others, and a fifth of a long queue stays free beyond one alone."""
    waiting: list[tuple[bytes, int]] = []
    routes = [b"%d" % number for number in range(floods)]
    for _ in range(places + 1):
        for route in routes:
            if has_room(route, TEXT, waiting, places):
                waiting.append((route, TEXT))
    assert len(waiting) <= places
    counts = Counter(route for route, _ in waiting)
    assert max(counts.values()) - min(counts[route] for route in routes) <= SHARE
    if places >= 50:
        assert has_room(b"new", PROGRESS, waiting, places)
    if floods == 1:
        assert len(waiting) == (places if places <= SHARE else -(-places * SHARE // (SHARE + 1)))


def test_only_the_same_or_higher_priorities_count() -> None:
    """A client's own progress does not count against its text, nor text against important requests."""
    waiting = [(b"c", PROGRESS)] * 40
    assert not has_room(b"c", PROGRESS, waiting, 50)
    assert has_room(b"c", TEXT, waiting, 50)
    waiting = [(b"c", IMPORTANT)] * 40
    assert not has_room(b"c", PROGRESS, waiting, 50)
    assert not has_room(b"c", IMPORTANT, [(b"x", PROGRESS)] * 50, 50), "never more than the queue's places"
