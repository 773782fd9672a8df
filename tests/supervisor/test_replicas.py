"""Several processes of one worker: when another one starts, and who is served by whom."""

from __future__ import annotations

import pytest
from hushd_protocol import messages as m
from hushd_supervisor import actions as do
from hushd_supervisor import events as ev
from hushd_supervisor.budget import Memory
from hushd_supervisor.pool import Pool
from hushd_supervisor.settings import Settings

NAME = "stt/a/x"


class Desk:
    """A pool with one client, a worker of up to three processes, and memory for `room` of them."""

    def __init__(self, room: int = 10, cores: int = 8) -> None:
        settings = Settings(worker={"": {"max_replicas": 3, "memory_mb": 100}}, memory_share=1.0)
        memory = Memory(room * 100_000_000, 1 << 40)
        self.pool = Pool(settings, version="1", pid=1, memory=lambda: memory, cores=cores)
        self.now = 0.0
        self.actions: list[do.Action] = []
        self.count = 0
        self.tell(ev.FromClient(b"r", m.Hello(protocol=1, version="1")))

    def tell(self, event: ev.Event) -> None:
        self.now += 0.01
        self.actions += self.pool.handle(event, self.now)

    def request(self) -> bytes:
        self.count += 1
        name = self.count.to_bytes(16, "big")
        self.tell(ev.FromClient(b"r", m.Request(id=name, worker=NAME, op="echo", credit=8)))
        return name

    @property
    def spawned(self) -> list[tuple[str, int]]:
        return [(a.worker, a.gen) for a in self.actions if isinstance(a, do.Spawn)]

    def ready(self) -> None:
        """The process that was started last is ready."""
        self.tell(ev.FromWorker(*self.spawned[-1], m.Ready(pss=100_000_000)))

    def jobs(self) -> list[tuple[str, bytes]]:
        """Who was given which request."""
        return [
            (a.worker, a.message.id)
            for a in self.actions
            if isinstance(a, do.ToWorker) and isinstance(a.message, m.Job)
        ]

    def finish(self, name: bytes) -> None:
        worker = next(w for w, job in self.jobs() if job == name)
        gen = next(g for w, g in self.spawned if w == worker)
        self.tell(ev.FromWorker(worker, gen, m.Result(id=name)))


def test_many_cold_requests_are_one_start() -> None:
    """While the first process starts, all wait for it: another one is for a worker that is busy, not for a cold one."""
    desk = Desk()
    for _ in range(5):
        desk.request()
    assert desk.spawned == [(NAME, 1)]


def test_a_busy_worker_gets_help_up_to_the_limit() -> None:
    """Each request that finds all busy starts one more process, up to three; further ones wait."""
    desk = Desk()
    for _ in range(3):
        desk.request()
        desk.ready()
    assert [name for name, _ in desk.spawned] == [NAME, f"{NAME}#2", f"{NAME}#3"]
    desk.request()
    assert len(desk.spawned) == 3
    assert [worker for worker, _ in desk.jobs()] == [NAME, f"{NAME}#2", f"{NAME}#3"]
    rows = desk.pool.rows(desk.now)
    assert {row["model"] for row in rows} == {"x"}


@pytest.mark.parametrize(("room", "cores"), [(1, 8), (10, 1)])
def test_no_help_where_there_is_no_memory_or_core_for_it(room: int, cores: int) -> None:
    """Without room or cores the second request waits, and is not refused."""
    desk = Desk(room, cores)
    first = desk.request()
    desk.ready()
    second = desk.request()
    assert len(desk.spawned) == 1
    desk.finish(first)
    assert desk.jobs()[-1] == (NAME, second)


def test_who_waits_goes_to_the_first_that_is_free() -> None:
    """Requests that wait at a busy process are taken over by its replica as soon as that has nothing to do."""
    desk = Desk()
    first = desk.request()
    desk.ready()
    second = desk.request()  # starts the replica and waits for it
    third = desk.request()
    desk.finish(first)
    assert desk.jobs()[-1][0] == NAME
    taken = desk.jobs()[-1][1]
    assert taken in (second, third)
    desk.ready()
    assert {job for _, job in desk.jobs()} == {first, second, third}


def test_unload_and_the_crash_of_one_concern_only_whom_they_mean() -> None:
    """`unload` of the worker ends all its processes; a crash of one leaves the others at work."""
    desk = Desk()
    desk.request()
    desk.ready()
    second = desk.request()
    desk.ready()
    desk.tell(ev.Exited(NAME, 1, -9))
    states = {row["name"]: row["state"] for row in desk.pool.rows(desk.now)}
    assert states == {NAME: "backoff", f"{NAME}#2": "busy"}
    desk.finish(second)
    desk.tell(ev.FromClient(b"r", m.Control(id=b"u" * 16, action="unload", names=[NAME])))
    drained = {a.worker for a in desk.actions if isinstance(a, do.ToWorker) and isinstance(a.message, m.Drain)}
    assert f"{NAME}#2" in drained
