"""Unloading and recycling beside jobs of others: what ends at once, what goes on, and who serves the next request."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.worker.lifecycle import EXIT_TIMEOUT_S, MAX_EXTRA_EXIT_S
from hushd_supervisor.core.worker.process import Usage
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, House


def house_with_a_session(**worker: Any) -> tuple[House, bytes]:
    """A worker on which somebody speaks, and memory for two workers in all."""
    house = House({"": {"memory_mb": 300.0, **worker}})
    house.total = house.available = int(2 * 300 * MB / 0.8) + 10 * MB
    house.available += 1000 * MB
    live = house.request(A, session=True, input="stream")
    house.now += 5  # for as long as a request would wait for a replica of a worker that is merely busy
    house.ready(A, sessions=1)
    return house, live


def cancelled(house: House) -> list[bytes]:
    """The jobs that an engine was asked to end."""
    return [a.message.id for a in house.of(do.ToWorker) if isinstance(a.message, m.Cancel)]


def test_a_strangers_unload_ends_no_session() -> None:
    """It is answered at once with the number of jobs that others have there; the process leaves after the last."""
    house, live = house_with_a_session()
    unload = house.control("unload", route=house.stranger())
    assert house.answer(unload) == m.Result(id=unload, data={"unloaded": [], "busy": {A: 1}})
    for _ in range(2000):  # for more than an hour
        house.wait(2)
        house.says(A, m.Beat(cpu_s=house.now))
    assert (house.code(live), house.of(do.Kill), house.drained()) == ("", [], [])
    house.finish(A)
    assert (house.code(live), house.drained()) == ("result", [A])


@pytest.mark.parametrize(("asked", "grace"), [
    (-9.0, EXIT_TIMEOUT_S),
    (0.0, EXIT_TIMEOUT_S),
    (10.0, EXIT_TIMEOUT_S + 10.0),
    (1e9, EXIT_TIMEOUT_S + MAX_EXTRA_EXIT_S),
])  # fmt: skip
def test_a_worker_has_the_time_to_leave_that_it_asks_for(asked: float, grace: float) -> None:
    """It has a minute more than others at most: then it is killed, and its memory comes back."""
    house = House()
    house.request(A, op="warm")
    house.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(A, m.Ready(pss=300 * MB, capabilities={"leave_s": asked}))
    house.control("unload")
    house.wait(grace - 0.1)
    assert house.state(A) is State.STOPPING
    house.wait(0.2)
    assert house.state(A) is State.KILLING


def test_an_unload_ends_at_once_what_its_own_client_asked_for() -> None:
    """Both what runs and what waits end as `cancelled`; the stranger's file goes on, and ends its process."""
    house = House()
    stranger = house.stranger()
    theirs = house.request(A, route=stranger)
    house.ready(A, slots=2)
    mine, waiting = house.request(A), house.request(A)
    unload = house.control("unload", A)
    assert cancelled(house) == [mine]
    assert house.code(waiting) == "cancelled"
    house.says(A, m.Error(id=mine, code="cancelled", message=""))
    assert house.code(mine) == "cancelled"
    assert house.answer(unload) == m.Result(id=unload, data={"unloaded": [], "busy": {A: 1}})
    house.says(A, m.Result(id=theirs))
    assert (house.code(theirs), house.drained(), house.spawned()) == ("result", [A], [A])


def test_a_stopped_file_runs_again_by_itself() -> None:
    """The supervisor has its input, and nothing of the answer has left: no client needs to ask again."""
    house = House()
    request = house.request(A, keep_alive=-1.0)
    house.ready(A)
    house.control("unload", route=house.stranger(), force=True)
    house.says(A, m.Error(id=request, code="cancelled", message=""))
    assert (house.code(request), house.drained()) == ("", [A])
    assert not house.row(A).holders  # its lease begins with its end
    house.leave(A)
    house.ready(A)
    house.wait(4)  # nobody waits for it to obey any more
    house.finish(A)
    assert (house.code(request), house.spawned(), house.of(do.Kill)) == ("result", [A, A], [])


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.parametrize("fields", [{"input": "stream"}, {}])
def test_what_the_supervisor_cannot_repeat_ends_as_stopped(fields: dict[str, str], obeys: bool) -> None:
    """A streamed input is gone, and an answer that has begun cannot be taken back, whether or not the engine obeys."""
    house = House()
    request = house.request(A, **fields)
    house.ready(A)
    if not fields:
        house.says(A, m.Partial(id=request, seq=0, data={}))
    house.control("unload", route=house.stranger(), force=True)
    if obeys:
        house.says(A, m.Error(id=request, code="cancelled", message=""))
    else:
        house.wait(2)
        house.exit(A, -9)
    assert house.code(request) == "worker_stopped"


def test_an_unload_waits_2_s_for_what_nobody_hears() -> None:
    """A process that was kept for the end of a piece, whatever it costs, is not kept for it when it is to leave."""
    for force in (False, True):
        house = House()
        house.tell(ev.FromClient(ROUTE, m.Cancel(id=house.busy(A))))
        for beat in range(4):
            house.wait(2)
            house.says(A, m.Beat(cpu_s=2.0 * beat))
        assert house.state(A) is State.BUSY
        answer = house.control("unload", A, route=house.stranger(), force=force)
        house.wait(1.9)
        assert house.state(A) is State.BUSY
        house.wait(0.1)
        assert house.state(A) is State.KILLING
        house.exit(A, -9)
        result = house.answer(answer)
        assert isinstance(result, m.Result)
        assert result.data == {"unloaded": [A]}


def test_an_unload_is_answered_though_the_next_process_starts_at_once() -> None:
    """It asked for the end of the process that was there, and somebody waits for another."""
    house = House()
    house.idle(A)
    unload = house.control("unload")
    house.request(A)
    house.leave(A)
    assert house.spawned() == [A, A]
    assert house.answer(unload) == m.Result(id=unload, data={"unloaded": [A]})


def test_a_pinned_worker_stays_at_rest() -> None:
    """It outlives its lease, and no time is known at which it ends."""
    house = House({"": {"memory_mb": 300.0, "pinned": True, "keep_alive": 10.0}})
    house.idle(A)
    house.wait(1000.0)
    assert (house.drained(), house.row(A).expires_in_s) == ([], None)


def test_a_process_at_work_is_watched_when_a_lease_ends() -> None:
    """The connection that held the worker in its own name has closed; the silent process is killed all the same."""
    house = House()
    house.tell(ev.FromClient(b"own", m.Hello(protocol=1, version="1")))
    house.request(A, route=b"own", keep_alive=900.0)
    house.ready(A)
    house.finish(A)
    house.busy(A)
    house.tell(ev.ClientGone(b"own"))
    house.wait(10.0)
    assert house.state(A) is State.KILLING


def test_a_process_is_renewed_after_a_day() -> None:
    """Whatever its size and its jobs."""
    assert Usage().used_up(WorkerSettings(), 0, 300 * MB, 86_399.0) == ""
    assert Usage().used_up(WorkerSettings(), 0, 300 * MB, 86_400.0) == "used up: 86400 s old"


def test_a_stopped_job_is_not_repeated_by_a_supervisor_that_leaves() -> None:
    """It ends when its engine obeys: no other process would start for it."""
    house = House()
    request = house.busy(A)
    house.control("unload", route=house.stranger(), force=True)
    house.control("shutdown")
    house.says(A, m.Error(id=request, code="cancelled", message="It was cancelled."))
    assert house.code(request) == "shutting_down"


def test_who_ran_beside_an_ignored_cancel_is_told_that_the_worker_was_stopped() -> None:
    """Its process is killed for the other job, and has not crashed; what can be repeated is."""
    house = House()
    cancelled = house.request(A)
    house.ready(A, slots=3)
    streamed, repeated = house.request(A, input="stream"), house.request(A)
    house.tell(ev.FromClient(ROUTE, m.Cancel(id=cancelled)))
    while not house.of(do.Kill):
        house.wait(2)
        house.says(A, m.Beat(cpu_s=1.0))
    house.exit(A, -9)
    assert [house.code(each) for each in (cancelled, streamed, repeated)] == ["cancelled", "worker_stopped", ""]
