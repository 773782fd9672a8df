"""The races of similar projects that are decided in the worker, each played in its worst order."""

import math

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core.worker.request import CANCEL_CPU_S, CANCEL_STILL_S
from hushd_supervisor.core.worker.states import State
from support.desk import NAME, Desk, desk_in
from support.house import A, B, C, House


def test_race_1_request_arrives_after_the_idle_decision() -> None:
    """The worker was asked to leave a moment ago: the next process, started at the exit, serves the request."""
    desk = desk_in(State.READY)
    desk.time()
    assert desk.worker.state is State.STOPPING
    late = desk.request()
    desk.from_worker(m.Bye())
    desk.exit(0)
    assert do.Spawn(NAME, 2) in desk.done
    desk.ready()
    desk.result()
    assert desk.terminal(late) == "result"


def test_race_2_request_is_granted_when_the_idle_time_ends() -> None:
    """A job given out at the very moment at which the idle time ends keeps its worker: inputs before timers."""
    desk = desk_in(State.READY)
    desk.now = desk.worker.deadline()
    desk.request()
    desk.tick()
    assert desk.worker.state is State.BUSY
    assert not any(isinstance(a, do.Kill) or isinstance(getattr(a, "message", None), m.Drain) for a in desk.actions)


def test_race_17_a_kill_that_is_blocked_in_the_kernel() -> None:
    """A process that SIGKILL does not end blocks only a start that needs its very memory, and that one for 15 s."""
    house = House({B: {"pinned": True}}, memory_share=0.7)
    house.busy(A)
    house.wait(6)  # no beat
    assert house.of(do.Kill) == [do.Kill(A, 1)]
    other = house.busy(B)
    house.finish(B)
    assert house.code(other) == "result"
    third, own = house.request(C), house.request(A)
    house.wait(14)
    assert house.code(third) == ""
    house.wait(1)
    assert house.code(third) == "server_busy"
    house.wait(600)
    assert house.spawned() == [A, B]  # never a second one beside it, however long it takes
    assert len(house.of(do.Kill)) > 100
    house.exit(A, -9)
    house.wait(1)
    house.ready(A)
    for _ in range(2):  # the one that ran there first
        house.finish(A)
    assert house.code(own) == "result"


@pytest.mark.parametrize("hours", [0.01, 8, 10_000])
def test_race_18_the_clock_jumps(hours: float) -> None:
    """The machine slept, or this process was stopped: no worker is killed for a beat that could not be sent or read.

    Idle time does count, and so do the deadlines of requests.
    """
    house = House({"": {"memory_mb": 100.0, "keep_alive": 30.0}})
    house.idle(B)
    working = house.busy(A)
    limited = house.request(A, deadline_ms=1000)
    starting = house.request(C)
    house.now += hours * 3600
    house.tick()
    assert house.of(do.Kill) == []
    assert house.drained() == [B]
    assert house.code(limited) == "deadline_exceeded"
    house.says(A, m.Beat(cpu_s=1))
    house.finish(A)
    house.ready(C)
    house.finish(C)
    assert (house.code(working), house.code(starting)) == ("result", "result")


def wait_with_beats(desk: Desk, seconds: int) -> None:
    """Time passes in which the process lives, and does nothing."""
    for _ in range(seconds // 2):
        desk.now += 2
        desk.from_worker(m.Beat(cpu_s=0))
        desk.tick()


def test_race_26_a_silent_microphone_is_no_hang() -> None:
    """A worker that has read all input and waits for more is not stalled, however long nobody speaks."""
    desk = Desk()
    request = desk.request(input="stream", credit=8)
    desk.ready()
    desk.from_worker(m.Credit(id=request.message.id, chunks=8))
    wait_with_beats(desk, 600)
    assert desk.worker.state is State.BUSY
    desk.input(request, m.Chunk(id=request.message.id, seq=0))
    wait_with_beats(desk, 30)  # now it has input, and does nothing with it
    assert desk.worker.state is State.KILLING


def test_race_26_a_client_that_stops_reading_is_told_so_and_the_worker_lives() -> None:
    """60 s without credit end the request as slow_consumer; the worker was waiting, not hanging, and is kept."""
    desk = Desk()
    request = desk.request(credit=1)
    desk.ready()
    desk.from_worker(m.Chunk(id=request.message.id, seq=0))
    wait_with_beats(desk, 58)
    assert desk.worker.state is State.BUSY
    desk.tick(desk.now + 2)
    assert do.ToWorker(NAME, 1, m.Cancel(id=request.message.id)) in desk.done
    desk.from_worker(m.Error(id=request.message.id, code="cancelled", message=""))
    assert desk.terminal(request) == "slow_consumer"
    assert desk.worker.state is State.READY


def test_a_grant_beyond_reason_ends_the_request() -> None:
    """Outstanding credit is bounded, 16 MiB of chunks in each direction."""
    desk = desk_in(State.BUSY)
    (request,) = desk.requests
    desk.grant(request, 248)
    assert not request.ending
    desk.grant(request, 1)
    assert request.ending == "protocol_error"


def test_a_request_that_runs_again_is_as_new() -> None:
    """It forgets the cancel of its first run, and how that ended."""
    request = desk_in(State.READY).request()
    for start in (100.0, 200.0):
        assert (request.cancelled, request.ending) == (False, "")
        request.run(start)
        request.cancel("worker_stopped", start)
        assert request.next_deadline(math.inf) == start + CANCEL_STILL_S
        request.limit_cancel(start)
        request.compute(CANCEL_CPU_S - 1, True, start)
        assert not request.cancel_ignored(start)
        request.again()
