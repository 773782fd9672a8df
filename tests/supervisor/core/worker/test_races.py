"""The races of similar projects that are decided in the worker, each played in its worst order."""

import math

import pytest
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core.worker.request import CANCEL_CPU_S, CANCEL_S, CANCEL_STILL_S
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


def test_race_3_a_timer_that_was_cancelled_does_nothing_when_it_fires() -> None:
    """The idle timer of an earlier rest is void once a job came between, however late it fires."""
    desk = desk_in(State.READY)
    old = desk.worker.deadline()
    desk.now = old - 1
    desk.request()
    desk.now = old + 0.5
    desk.from_worker(m.Beat(cpu_s=1))
    desk.tick()
    assert desk.worker.state is State.BUSY
    desk.result()
    desk.tick()
    assert desk.worker.state is State.READY
    assert desk.worker.deadline() == desk.now + 300


def test_race_4_stop_during_start() -> None:
    """A worker that is unloaded while it starts is killed; its late ready changes nothing."""
    desk = desk_in(State.STARTING)
    desk.unload(b"stranger", force=True)
    assert do.Kill(NAME, 1) in desk.done
    desk.ready()
    assert desk.worker.state is State.KILLING
    assert desk.done == []
    desk.exit(-9)
    assert desk.worker.state is State.STARTING  # the request still wants it, in a new process
    assert desk.worker.process.gen == 2


def test_race_6_child_dies_between_ready_and_the_first_request() -> None:
    """The request that finds its worker dead waits for the next one and is served."""
    desk = desk_in(State.READY)
    desk.exit(-11)
    late = desk.request()
    assert desk.worker.state is State.BACKOFF
    desk.time()
    desk.ready()
    desk.result()
    assert desk.terminal(late) == "result"


def test_race_7_child_exits_0_unasked() -> None:
    """Idle, it is simply gone; with a job in hand it has crashed, whatever its status, and the job is repeated."""
    desk = desk_in(State.READY)
    desk.exit(0)
    assert desk.worker.state is State.STOPPED
    assert not desk.crashes
    desk = desk_in(State.BUSY)
    desk.exit(0)
    assert desk.worker.state is State.BACKOFF
    desk.time()
    desk.ready()
    desk.result()
    assert desk.terminal(desk.requests[0]) == "result"


def test_race_8_segv_at_exit_after_a_drain() -> None:
    """Native destructors crash at exit: after a drain no status counts as a crash."""
    for status in (1, -6, -11):
        desk = desk_in(State.STOPPING)
        desk.from_worker(m.Bye())
        desk.exit(status)
        assert desk.worker.state is State.STOPPED
        assert not desk.crashes


def test_race_13_n_cold_requests_are_one_start() -> None:
    """Fifty clients' requests for a stopped worker start one process, and all are served by it."""
    desk = Desk()
    requests = []
    for number in range(50):
        desk.client = b"client %d" % number
        requests.append(desk.request())
    assert sum(isinstance(a, do.Spawn) for a in desk.actions) == 1
    desk.ready()
    while desk.jobs.running:
        desk.result()
    assert {desk.terminal(t) for t in requests} == {"result"}


def test_race_14_failed_start_tells_all_waiters_once() -> None:
    """All who wait for a worker that cannot start get the same error, once, with a time to come back."""
    desk = Desk()
    requests = [desk.request() for _ in range(5)]
    for _ in range(4):
        desk.exit(70)
        if desk.worker.state is State.BACKOFF:
            desk.time()
    errors = [desk.answers(t)[-1] for t in requests]
    assert all(isinstance(e, m.Error) and e.code == "worker_failed" for e in errors)
    assert len({(e.message, e.retry_after_ms) for e in errors if isinstance(e, m.Error)}) == 1
    assert sum(isinstance(a, do.Spawn) for a in desk.actions) == 4


def test_race_15_the_victim_becomes_busy() -> None:
    """A request that comes first saves its worker: the start that wanted its memory is refused at once."""
    house = House(memory_share=0.5)
    house.idle(A)
    running, refused = house.request(A), house.request(B)
    assert house.code(refused) == "server_busy"
    assert house.drained() == []
    house.finish(A)
    assert house.code(running) == "result"


def test_race_16_all_victims_are_busy_or_pinned() -> None:
    """No is said in the same step, after no retries, with a time to come back; no timer is left behind."""
    house = House({"tts": {"pinned": True}}, memory_share=0.7)
    house.idle(C)
    house.busy(A)
    before = house.pool.deadline()
    answer = house.refusal(house.request(B))
    assert (answer.code, answer.retryable) == ("server_busy", True)
    assert answer.retry_after_ms is not None
    assert (house.drained(), house.pool.deadline()) == ([], before)


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


def test_race_18_who_hangs_after_the_jump_is_killed() -> None:
    """The watch goes on: 6 s without a sign, counted from when there is a clock again."""
    house = House()
    house.busy(A)
    house.now += 8 * 3600
    house.tick()
    house.wait(5.9)
    assert house.of(do.Kill) == []
    house.wait(0.2)
    assert house.of(do.Kill) == [do.Kill(A, 1)]


def test_race_20_a_long_stream_is_busy_until_its_last_byte() -> None:
    """Audio that streams for longer than the idle time keeps its worker; the idle clock starts at its end."""
    desk = Desk(WorkerSettings(keep_alive=5))
    request = desk.request(credit=8)
    desk.ready()
    for seq in range(100):
        desk.now += 1
        desk.from_worker(m.Chunk(id=request.message.id, seq=seq))
        desk.grant(request, 1)
        desk.tick()
        assert desk.worker.state is State.BUSY
    desk.result()
    assert desk.worker.deadline() == desk.now + 5


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


def test_a_lack_of_the_machines_memory_is_an_answer_at_once() -> None:
    """A start on the CPU, which may do where a card lacks it, would take that memory, too."""
    desk = desk_in(State.WAITING)
    request = desk.request()
    desk.take(desk.worker.memory.abandon_start(desk.now, HushdError("server_busy", "There is too little memory.")))
    assert desk.terminal(request) == "server_busy"


def test_a_shutdown_hurries_jobs_that_are_cancelled_already() -> None:
    """The engine has had its time to obey, and nobody waits for them."""
    desk = desk_in(State.BUSY)
    (request,) = desk.requests
    desk.cancel(request)
    desk.now += 1
    desk.shutdown()
    assert (desk.worker.state, request.next_deadline(math.inf)) == (State.DRAINING, desk.now + CANCEL_S)
