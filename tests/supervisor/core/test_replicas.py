"""Several processes of one worker: when another one starts, and who is served by whom."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, House


class Desk(House):
    """A house with workers of up to three processes, of 100 MB each, and memory for `room` of them."""

    def __init__(self, room: int = 10, cores: int = 8, most: int = 3) -> None:
        workers: dict[str, Any] = {"": {"max_replicas": most, "memory_mb": 100}, "stt/b": {"memory_mb": 300}}
        super().__init__(workers, memory_share=1.0, cores=cores)
        self.total, self.available = room * 100 * MB, 1 << 40

    def tell(self, event: ev.Event) -> list[do.Action]:
        self.now += 0.01
        return super().tell(event)

    def wait(self, seconds: float) -> None:
        """Time passes, and whoever works beats."""
        for _ in range(int(seconds)):
            super().wait(1.0)
            for gen, row in self.pool.fleet.status(self.now):
                self._take(self.pool.handle(ev.FromWorker(row.name, gen, m.Beat(cpu_s=self.now)), self.now))

    def request(self, worker: str = A, route: bytes = ROUTE, **fields: Any) -> bytes:
        return super().request(worker, route, **fields)

    def loaded(self, **fields: Any) -> None:
        """The process that was started last is ready."""
        self.says(self.spawned()[-1], m.Ready(pss=100 * MB, **fields))

    def given(self) -> list[tuple[str, bytes]]:
        """The requests that each process was given."""
        return [(a.worker, a.message.id) for a in self.of(do.ToWorker) if isinstance(a.message, m.Job)]

    def accepted(self) -> list[m.Accepted]:
        return [a.message for a in self.of(do.ToClient) if isinstance(a.message, m.Accepted)]


def test_a_busy_worker_gets_help_up_to_the_limit() -> None:
    """Whenever somebody has waited for as long as a start takes, one more process starts, up to three. A start takes as
    long as its process runs, however long the supervisor was busy with others' starts before."""
    desk = Desk()
    desk.late = True
    requests = [desk.request() for _ in range(5)]
    desk.wait(30)
    desk.late = False
    desk.tell(ev.Spawned(A, 1))
    desk.wait(4)
    desk.loaded()  # after 4 s
    assert desk.given() == [(A, requests[0])]
    ready = desk.now
    while len(desk.spawned()) == 1:  # nobody says a word
        desk.now = desk.pool.deadline() or 0.0
        desk.tick()
    assert (desk.spawned()[-1], desk.now) == (f"{A}#2", pytest.approx(ready + 4, abs=0.1))
    desk.wait(9)
    assert len(desk.spawned()) == 2  # one start at a time
    desk.loaded()
    assert desk.spawned()[-1] == f"{A}#3"
    desk.loaded()
    desk.wait(60)
    assert len(desk.spawned()) == 3
    assert desk.given() == [(A, requests[0]), (f"{A}#2", requests[1]), (f"{A}#3", requests[2])]
    assert {row.model for _, row in desk.pool.fleet.status(desk.now)} == {"x"}


@pytest.mark.parametrize(
    ("worker", "cores", "most"),
    [("stt/a/x", 1, 1), ("stt/a/x", 3, 1), ("stt/a/x", 4, 2), ("stt/a/x", 16, 4), ("tts/a/x", 16, 1)],
)
def test_how_many_there_are_by_themselves(worker: str, cores: int, most: int) -> None:
    """One for each two cores, up to four, for speech to text; a single one for text to speech."""
    desk = Desk(room=100, cores=cores, most=0)
    for _ in range(6):
        desk.request(worker)
    for _ in range(6):
        if desk.state(desk.spawned()[-1]) is State.STARTING:
            desk.loaded()
        desk.wait(2)
    assert len(desk.spawned()) == most


@pytest.mark.parametrize(("most", "processes"), [(0, 1), (2, 2)])
def test_one_process_computes_on_a_card(most: int, processes: int) -> None:
    """It takes many pieces at once, and each further one would hold the model again; who wants more configures it."""
    desk = Desk(room=100, cores=16, most=most)
    for _ in range(6):
        desk.request()
    for _ in range(6):
        if desk.state(desk.spawned()[-1]) is State.STARTING:
            desk.loaded(capabilities={"compute_device": "cuda"})
        desk.wait(2)
    assert len(desk.spawned()) == processes


@pytest.mark.parametrize("worker", ["stt/a/x", "tts/a/x"])
@pytest.mark.parametrize(("client", "caller"), [(b"s", 0), (ROUTE, 1)])
def test_nobody_waits_for_somebody_elses_long_recording(worker: str, client: bytes, caller: int) -> None:
    """One process more than is quicker for one client, as soon as another client waits; and no more than that one."""
    desk = Desk(cores=2, most=0)
    first, second = desk.request(worker), desk.request(worker)
    desk.loaded()
    desk.wait(10)
    assert len(desk.spawned()) == 1
    desk.tell(ev.FromClient(client, m.Hello(protocol=1, version="1")))
    theirs, _ = (desk.request(worker, client, caller=caller) for _ in range(2))
    desk.wait(3)
    desk.loaded()
    desk.wait(3)
    assert len(desk.spawned()) == 2
    # In one line: of equals, who was served longest ago comes first, and then the others in their order.
    assert [job for _, job in desk.given()] == [first, theirs]
    desk.finish(worker)
    assert desk.given()[-1][1] == second


def test_a_replica_that_never_became_ready_is_not_tried_again_soon() -> None:
    """A failure of another worker's changes nothing: each has its own two minutes."""
    desk = Desk()
    for worker in (A, "stt/b/y"):
        desk.request(worker)
        desk.loaded()
        desk.request(worker)
        desk.wait(5)
        assert desk.spawned()[-1] == f"{worker}#2"
        desk.exit(desk.spawned()[-1], 1)
    desk.wait(90)
    assert desk.spawned() == [A, f"{A}#2", "stt/b/y", "stt/b/y#2"]
    desk.wait(30)
    assert f"{A}#2" in desk.spawned()[4:]


def test_a_poison_request_may_kill_two_processes_and_closes_neither() -> None:
    """A suspect goes to a replica with nothing to do; its second crash explains its first one elsewhere."""
    desk = Desk()
    poison = desk.request()
    desk.loaded()
    other = desk.request()
    desk.wait(2)
    desk.loaded()
    desk.exit(A, -11)
    assert desk.given() == [(A, poison), (f"{A}#2", other)]
    desk.finish(f"{A}#2")
    assert desk.given()[-1] == (f"{A}#2", poison)
    desk.exit(f"{A}#2", -11)
    assert desk.code(poison) == "poison_request"
    for _ in range(3):  # a fourth crash would close it
        desk.wait(5)
        desk.request()
        desk.loaded()
        desk.finish(desk.spawned()[-1])
        desk.exit(desk.spawned()[-1], -11)
    assert (desk.spawned()[-1], desk.state(A), desk.state(f"{A}#2")) == (A, State.BACKOFF, State.STOPPED)


# --- live sessions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "processes"), [(0, 2), (1, 1)])
def test_a_file_gets_a_process_of_its_own_where_a_session_has_its_place(most: int, processes: int) -> None:
    """An engine that serves not both at once: another process starts for the file even on one core, unless one is all
    that the configuration allows; then it waits, and knows its place."""
    desk = Desk(cores=1, most=most)
    desk.request(session=True, input="stream")
    desk.loaded(sessions=0)
    file = desk.request()
    desk.wait(5)
    assert len(desk.spawned()) == processes
    if processes == 2:
        desk.loaded()
        assert desk.given()[-1] == (f"{A}#2", file)
    else:
        assert desk.accepted()[-1] == m.Accepted(id=file, state="queued", position=0)


def test_no_replica_takes_the_room_that_another_worker_waits_for() -> None:
    """It would fit now, and the worker for which an idle one has left would have none again, however often it asks."""
    desk = Desk(room=4)
    desk.request("stt/c/z")
    desk.loaded()
    desk.finish("stt/c/z")
    desk.request()
    desk.loaded()
    desk.request("stt/b/y")  # which needs three parts of four: the idle worker is asked to leave
    desk.request()
    desk.wait(4)
    assert desk.spawned() == ["stt/c/z", A]
    desk.exit("stt/c/z")
    desk.wait(1)
    assert desk.spawned() == ["stt/c/z", A, "stt/b/y"]


def test_a_free_replica_is_given_a_request_at_once() -> None:
    """Its client hears nothing before the answer, and never that it waits behind the job of another replica."""
    desk = Desk()
    desk.request()
    desk.loaded()
    desk.request()
    desk.wait(4)
    desk.loaded()
    desk.finish(f"{A}#2")
    third = desk.request()
    assert third not in [message.id for message in desk.accepted()]
    assert desk.given()[-1] == (f"{A}#2", third)


def test_a_turn_at_a_replica_is_a_turn() -> None:
    """The last request of a program that was served there is behind only the first of one that came later."""
    desk = Desk(most=2)
    desk.request()
    desk.loaded()
    desk.request()
    desk.wait(4)
    desk.loaded()
    for pid, client in enumerate((b"crowd", b"later"), start=7):
        desk.tell(ev.FromClient(client, m.Hello(protocol=1, version="1", pid=pid)))
    crowd = [desk.request(route=b"crowd") for _ in range(8)]
    for _ in crowd[:7]:
        desk.finish(f"{A}#2")
    later = [desk.request(route=b"later") for _ in range(3)]
    for _ in (*later, crowd[7]):
        desk.finish(f"{A}#2")
    in_turns = [*crowd[:7], later[0], crowd[7], *later[1:]]
    assert [job for _, job in desk.given() if job in in_turns] == in_turns
