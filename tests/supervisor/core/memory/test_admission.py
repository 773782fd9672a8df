"""Tests of memory among the workers: starts, evictions, pressure; a pool without processes."""

from __future__ import annotations

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.events import Used
from hushd_supervisor.core.memory.admission import HELD_MEASURE_INTERVAL_S, HELD_START_S
from hushd_supervisor.core.memory.needs import Estimated
from hushd_supervisor.core.memory.pressure import MEASURE_INTERVAL_S, Level
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, B, C, House

ROOM_FOR_ONE = {"memory_share": 0.5}  # of 1000 MB; a worker needs 300


# --- starts and evictions -------------------------------------------------------------------------------------------


def test_an_idle_worker_leaves_before_the_other_starts() -> None:
    """A is asked to leave, and B is started when A's exit was seen, not when it says bye."""
    house = House(**ROOM_FOR_ONE)
    house.idle(A)
    request = house.request(B)
    assert (house.drained(), house.spawned(), house.state(B)) == ([A], [A], State.WAITING)
    house.says(A, m.Bye())
    assert house.spawned() == [A]
    house.exit(A)
    assert house.spawned() == [A, B]
    house.ready(B)
    house.finish(B)
    assert house.code(request) == "result"


def test_a_start_that_may_fit_waits_for_those_that_load() -> None:
    """Nobody is refused for a promise that may be taken already; a start that takes a tenth does not even wait."""
    house = House({A: {"memory_mb": 2000.0}, B: {"memory_mb": 800.0}, C: {"memory_mb": 170.0}})
    house.total, house.available = 4000 * MB, 3600 * MB
    house.request(A)
    house.available = 1700 * MB  # A has loaded 1900 since the last look at it
    waits = house.request(B)
    house.request(C)
    assert house.spawned() == [A, C]
    house.ready(A, size=1900 * MB)
    assert house.spawned() == [A, C, B]
    assert house.code(waits) == ""


def test_when_all_are_busy_the_answer_comes_at_once() -> None:
    """`server_busy` in the same step, with the time after which a running job should be done."""
    house = House(**ROOM_FOR_ONE)
    house.request(A)
    house.ready(A)
    house.now += 8
    house.finish(A)  # the usual time of its jobs: 8 s
    house.busy(A)
    house.now += 3
    answer = house.refusal(house.request(B))
    assert (answer.code, answer.retryable, answer.retry_after_ms) == ("server_busy", True, 5000)
    assert (house.drained(), house.spawned()) == ([], [A])


def test_only_jobs_that_were_served_say_how_long_a_job_takes() -> None:
    """Jobs that were refused, 22 after one of 60 s, and one cancelled leave the time of the next as it was; beside a
    worker that has served none nobody knows it."""
    house = House(**ROOM_FOR_ONE)
    for seconds in (60.0, *[0.1] * 22):
        request = house.busy(A)
        house.now += seconds
        house.says(A, m.Error(id=request, code="bad_request", message="x") if seconds < 1 else m.Result(id=request))
        assert house.code(request) == ("bad_request" if seconds < 1 else "result")
    house.tell(ev.FromClient(ROUTE, m.Cancel(id=(cancelled := house.busy(A)))))
    house.says(A, m.Error(id=cancelled, code="cancelled", message="x"))
    house.busy(A)
    assert house.refusal(house.request(B)).retry_after_ms == 60_000
    house = House(**ROOM_FOR_ONE)
    house.says(A, m.Error(id=house.busy(A), code="bad_request", message="x"))
    house.now += 100
    house.busy(A)
    assert house.refusal(house.request(B)).retry_after_ms == 60_000


def test_needs_are_learnt_and_kept() -> None:
    """The highest size seen counts for the next start, and is saved once, at the exit; a smaller life counts half."""
    house = House(needs={C: 100 * MB})
    house.idle(A)
    house.says(A, m.Beat(cpu_s=1, pss=450 * MB))
    house.says(A, m.Beat(cpu_s=2, pss=200 * MB))
    assert house.of(do.Remember) == []
    house.exit(A)
    assert house.of(do.Remember) == [do.Remember({A: 450 * MB, f"{A}:load": 300 * MB, C: 100 * MB})]
    ((_, row),) = house.pool.fleet.status(house.now)
    assert row.need_mb == 450.0
    house.idle(A)
    house.says(A, m.Beat(cpu_s=1, pss=300 * MB))
    house.exit(A)
    assert house.of(do.Remember)[1:] == [do.Remember({A: 375 * MB, f"{A}:load": 300 * MB, C: 100 * MB})]
    house.busy(B)
    house.available = (375 + min(256, house.total // MB // 8) - 1) * MB
    assert house.code(house.request(A)) == "server_busy"
    house.available = 900 * MB
    house.idle(A)
    house.says(A, m.Beat(cpu_s=1, pss=300 * MB))
    house.exit(A, -9, out_of_memory=True)  # who knows what it would have taken
    assert house.row(A).need_mb == 375.0


def test_one_large_job_bars_no_start() -> None:
    """A size learnt above all that can be granted is a guess: once those at rest have left, one try is made."""
    house = House(needs={A: 5000 * MB, B: 900 * MB})
    house.idle(A)
    assert house.spawned() == [A]
    request = house.request(B)
    assert house.spawned() == [A]
    house.leave(A)
    assert house.spawned() == [A, B]
    house.ready(B)
    house.finish(B)
    assert house.code(request) == "result"
    for _ in range(9):
        house.control("unload")
        house.leave(B)
        house.idle(B)
        house.says(B, m.Beat(cpu_s=1, pss=300 * MB))
    assert house.row(B).need_mb < 310.0


def test_the_estimate_is_the_first_need() -> None:
    """A worker that was never started counts as estimated, not as 400 MB: the one at rest leaves first; the estimate is
    made once a name."""
    asked: list[str] = []

    def estimate(name: str) -> Estimated:
        asked.append(name)
        return Estimated(600 * MB)

    house = House(worker={"": {"memory_mb": 0.0}, A: {"memory_mb": 300.0}}, estimate=estimate)
    house.idle(A)
    request = house.request(B)
    assert (house.drained(), house.spawned()) == ([A], [A])
    house.leave(A)
    house.ready(B, size=500 * MB)
    house.finish(B)
    assert (house.code(request), asked) == ("result", [B])


def test_needs_are_learnt_of_peaks_of_private_memory() -> None:
    """A load that took 520 MB for seconds and 210 at its end, with 200 of files mapped, needs 520; its job's 230 count
    as the job's, and the worker at rest holds 200."""
    house = House()
    house.request(A)
    house.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(A, m.Ready(slots=1, pss=410 * MB, private=210 * MB, peak=520 * MB))
    house.finish(A)
    house.says(A, m.Beat(cpu_s=1, pss=400 * MB, private=200 * MB, peak=230 * MB))
    assert (house.row(A).need_mb, house.row(A).peak_mb) == (520.0, 520.0)
    house.busy(A)
    house.available = 400 * MB
    assert "stt/a/x 200, busy or pinned" in house.refusal(house.request(B)).message
    house.exit(A)
    assert house.of(do.Remember) == [do.Remember({A: 230 * MB, f"{A}:load": 520 * MB})]


def test_a_killed_start_teaches_what_it_took() -> None:
    """The kernel has killed it at 700 of 800 MB: it is not started again, since a quarter more does not fit."""
    house = House(worker={"": {"memory_mb": 0.0}})
    house.available = 1000 * MB
    request = house.request(A)
    gen = house.gen(A)
    house.tell(ev.StartProbed(A, gen, Used(cpu_s=1, private=700 * MB)))
    assert house.row(A).need_mb == 700.0
    house.tell(ev.Exited(A, gen, -9, out_of_memory=True))
    house.wait(1)
    answer = house.refusal(request)
    assert answer.code == "model_too_large"
    assert "needs 875 MB" in answer.message
    assert house.spawned() == [A]


# --- pressure -------------------------------------------------------------------------------------------------------


def test_warning_asks_for_economy() -> None:
    """Jobs carry `economy` from the sign on, those of workers that are made later too; 10 s after it no more."""
    house = House({"": {"memory_mb": 100.0}})
    house.busy(A)
    house.press(Level.WARNING)
    house.finish(A)
    house.busy(A)
    house.busy(B)
    for _ in range(3):
        house.wait(3)
        house.says(A, m.Beat(cpu_s=1))
        house.says(B, m.Beat(cpu_s=1))
    house.finish(B)
    house.busy(B)
    house.wait(1)
    house.finish(B)
    house.busy(B)
    assert [job.economy for job in house.jobs()] == [False, True, True, True, False]
    assert house.spawned() == [A, B]


def test_critical_frees_what_is_idle_and_starts_nothing() -> None:
    """Idle workers are asked to leave in the same step, whatever their leases; the pinned stay; jobs finish.

    Who asks for a start waits, and is told the sizes if it is still critical after 10 s.
    """
    house = House({"": {"memory_mb": 50.0}, "tts": {"pinned": True}})
    house.idle(A, keep_alive=-1.0)
    house.idle(C)
    running = house.busy(B)
    queued = house.request(B)
    house.available = 50 * MB
    house.work(B, MEASURE_INTERVAL_S + 1)
    assert house.drained() == [A]
    assert house.state(C) is State.READY
    house.leave(A)
    cold = house.request(A)
    house.finish(B)
    house.finish(B)
    assert (house.code(running), house.code(queued)) == ("result", "result")
    assert house.drained() == [A, B]  # as soon as it came to rest
    warm = house.request(C)
    house.finish(C)
    assert house.code(warm) == "result"
    house.wait(HELD_START_S - 1)
    assert house.code(cold) == ""
    house.wait(1)
    refusal = house.refusal(cold)
    assert (refusal.code, refusal.retry_after_ms) == ("server_busy", 10_000)
    assert "50 of 1000 MB are available, and stt/a/x needs 300 MB" in refusal.message
    assert house.spawned() == [A, C, B]


def test_each_request_that_is_held_has_ten_seconds_of_its_own() -> None:
    """One that came five seconds after another is refused five seconds after it, and the start waits until then."""
    house = House()
    house.available = 50 * MB
    first = house.request(A)
    house.wait(5.0)
    second = house.request(A)
    house.wait(HELD_START_S - 5.0)
    assert (house.code(first), house.code(second), house.state(A)) == ("server_busy", "", State.WAITING)
    house.wait(4.5)
    assert house.code(second) == ""
    house.wait(0.5)
    assert (house.code(second), house.state(A)) == ("server_busy", State.STOPPED)


@pytest.mark.parametrize("lives", [False, True])
def test_who_waited_runs_once_memory_is_back(lives: bool) -> None:
    """A start that waits while memory is critically short begins within half a second of its return, whenever the last
    sign of that came, and stays although it is idle soon."""
    house = House()
    if lives:
        house.busy(C)
    house.available = 60 * MB
    first, second = house.request(A), house.request(B)
    house.wait(HELD_START_S - 1)
    assert (house.spawned()[lives:], house.code(first)) == ([], "")
    house.available = (300 + 125 + 299) * MB  # for one of the two
    house.wait(HELD_MEASURE_INTERVAL_S)
    assert house.spawned()[lives:] == [A]
    house.ready(A)
    house.finish(A)
    assert (house.code(first), house.code(second), house.drained()) == ("result", "", [])


def test_a_refusal_has_numbers() -> None:
    """Its need, what workers and others have, and when to ask again; not to unload who would have left by itself."""
    house = House()
    house.idle(C)
    house.available = 100 * MB
    assert house.refusal(house.request(A)).message == (
        "There is no memory for stt/a/x (300 MB) now: workers take 300 of their 800 MB (tts/c/z 300, idle for 0 s), "
        "100 of 1000 MB are available, and 125 are reserved for other programs. "
        "Ask again in 60 s, end other programs, or take a smaller model."
    )


def test_a_refusal_names_who_holds_the_memory() -> None:
    """The largest first, each with the reason why it stays, and what would make room."""
    house = House({"stt/b": {"memory_mb": 400.0}, "tts": {"pinned": True}})
    house.busy(A)
    house.says(A, m.Beat(cpu_s=1, pss=200 * MB))
    house.idle(C)
    answer = house.refusal(house.request(B))
    assert answer.message == (
        "There is no memory for stt/b/y (400 MB) now: workers take 500 of their 800 MB (tts/c/z 300, busy or pinned; "
        "stt/a/x 200, busy or pinned), 900 of 1000 MB are available, and 125 are reserved for other programs. "
        "Ask again in 60 s, take a smaller model, or make room by `hushd unload tts/c/z`."
    )


def test_whoever_works_memory_is_looked_at() -> None:
    """Every five seconds, though beats and pings come more often: 120 looks in ten minutes, and no fewer."""
    house = House()
    house.busy(A)
    house.looks = 0
    house.work(A, 600.0)
    assert house.looks == 600 / MEASURE_INTERVAL_S


def test_out_of_memory_is_said() -> None:
    """A worker that the kernel has killed because memory ran out says so where that is known, and perhaps where it is
    not."""
    for known, words in (
        (True, "killed by the system, out of memory"),
        (None, "killed by SIGKILL, perhaps out of memory"),
    ):
        house = House()
        request = house.busy(A)
        house.says(A, m.Partial(id=request, seq=0, data={}))
        house.exit(A, -9, out_of_memory=known)
        answer = house.refusal(request)
        assert words in answer.message
        assert answer.detail["exit"] == words


# --- recycling ------------------------------------------------------------------------------------------------------


def test_a_process_that_is_too_large_at_rest_leaves_at_once() -> None:
    """The worker reports its size after the answer: the next request finds a new process."""
    house = House({"": {"memory_mb": 10.0, "max_pss_mb": 500.0}})
    house.request(B, op="warm")
    house.ready(B, size=500 * MB)
    house.says(B, m.Beat(cpu_s=1, pss=500 * MB))  # without a job another would be as large
    house.idle(A)
    house.says(A, m.Beat(cpu_s=1, pss=499 * MB))
    assert house.drained() == []
    house.says(A, m.Beat(cpu_s=2, pss=500 * MB))
    assert house.drained() == [A]
    house.available = 10_000 * MB
    house.total = 10_000 * MB
    request = house.request(A)
    house.leave(A)
    house.ready(A)
    house.finish(A)
    assert house.code(request) == "result"
