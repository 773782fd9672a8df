"""Every state against every stimulus: the whole table, row by row."""

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_CREDIT
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.worker.crashes import MAX_FELLED, Death, describe_exit
from hushd_supervisor.core.worker.process import LOADING_WORD_S, Place
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import POSTPONED_RETRY_MS
from msgspec.structs import replace
from support.desk import NAME, Desk, desk_in

STIMULI = {
    "request": lambda d: d.request(),
    "ready": lambda d: d.from_worker(m.Ready()),
    "load failed": lambda d: d.from_worker(m.LoadFailed(code="model_missing", message="No weights.")),
    "loading": lambda d: d.from_worker(m.Loading()),
    "beat": lambda d: d.from_worker(m.Beat(cpu_s=1.0)),
    "bye": lambda d: d.from_worker(m.Bye()),
    "result": lambda d: d.result(),
    "exit 0": lambda d: d.exit(0),
    "crash": lambda d: d.exit(-11),
    "unreachable": lambda d: d.news(ev.SendFailed),
    "unload": lambda d: d.unload(),
    "a stranger's unload": lambda d: d.unload(b"stranger"),
    "forced unload": lambda d: d.unload(b"stranger", force=True),
    "shutdown": lambda d: d.shutdown(),
    "hold": lambda d: d.hold(),
    "time": lambda d: d.time(),
}

S = State
# What is not named leaves the state as it is.
TABLE = {
    S.STOPPED: {"request": S.STARTING},
    S.WAITING: {"unload": S.STOPPED, "shutdown": S.STOPPED, "time": S.STOPPED},
    S.STARTING: {
        "ready": S.BUSY, "load failed": S.STOPPING, "exit 0": S.BACKOFF, "crash": S.BACKOFF,
        "unreachable": S.KILLING, "unload": S.KILLING, "forced unload": S.KILLING, "shutdown": S.KILLING,
        "time": S.KILLING,
    },
    S.READY: {
        "request": S.BUSY, "bye": S.STOPPING, "exit 0": S.STOPPED, "crash": S.BACKOFF, "unreachable": S.KILLING,
        "unload": S.STOPPING, "a stranger's unload": S.STOPPING, "forced unload": S.STOPPING,
        "shutdown": S.STOPPING, "time": S.STOPPING,
    },
    S.BUSY: {
        "result": S.READY, "exit 0": S.BACKOFF, "crash": S.BACKOFF, "unreachable": S.KILLING,
        "shutdown": S.DRAINING, "time": S.KILLING,
    },
    S.DRAINING: {
        "result": S.STOPPING, "exit 0": S.STOPPED, "crash": S.STOPPED, "unreachable": S.KILLING, "time": S.KILLING,
        "shutdown": S.KILLING, "hold": S.DRAINING,
    },
    S.STOPPING: {"exit 0": S.STOPPED, "crash": S.STOPPED, "time": S.KILLING},
    S.KILLING: {"result": S.KILLING, "exit 0": S.BACKOFF, "crash": S.BACKOFF},
    S.BACKOFF: {
        "unload": S.STOPPED, "a stranger's unload": S.STARTING, "forced unload": S.STARTING, "shutdown": S.STOPPED,
        "time": S.STARTING,
    },
    S.FAILED: {
        "unload": S.STOPPED, "a stranger's unload": S.STOPPED, "forced unload": S.STOPPED, "shutdown": S.STOPPED,
        "time": S.STOPPED,
    },
}  # fmt: skip
for row in TABLE.values():
    if "shutdown" in row:
        row.setdefault("hold", row["shutdown"])  # only those who wait are treated differently


@pytest.mark.parametrize("state", list(State), ids=str)
def test_every_state_answers_every_stimulus(state: State) -> None:
    """One row of the table: the state that follows each, and nobody is answered twice."""
    for name, stimulus in STIMULI.items():
        desk = desk_in(state)
        assert desk.worker.state is state
        stimulus(desk)
        assert desk.worker.state is TABLE[state].get(name, state), name
        for request in desk.requests:
            desk.terminal(request)


@pytest.mark.parametrize("state", list(State), ids=str)
def test_old_generations_are_not_heard(state: State) -> None:
    """Whatever a process of an earlier generation says or does changes nothing."""
    desk = desk_in(state)
    before = desk.worker.state, desk.worker.deadline()
    earlier = NAME, desk.worker.process.gen - 1
    messages = (m.Ready(), m.Bye(), m.Result(id=b"\1" * 16), m.LoadFailed(code="x", message="y"))
    for event in (
        *(ev.FromWorker(*earlier, message) for message in messages), ev.Exited(*earlier, -9), ev.Spawned(*earlier),
        ev.SpawnFailed(*earlier, "no memory", True), ev.SendFailed(*earlier), ev.StartProbed(*earlier, ev.Used()),
    ):  # fmt: skip
        assert desk.worker.handle(event, desk.now + 1) == []
    assert desk.worker.process.started_at <= desk.now
    assert (desk.worker.state, desk.worker.deadline()) == before


@pytest.mark.parametrize("state", [S.READY, S.BUSY])
def test_a_pinned_worker_makes_no_room(state: State) -> None:
    """It stays at rest, and where nobody hears any more what it works at."""
    desk = desk_in(state)
    desk.take(desk.worker.configure(WorkerSettings(pinned=True), desk.now))
    if state is S.BUSY:
        desk.cancel(desk.requests[0])
    desk.take(desk.worker.memory.evict(desk.now))
    assert desk.worker.state is state
    desk.take(desk.worker.configure(WorkerSettings(), desk.now))
    desk.take(desk.worker.memory.evict(desk.now))
    assert desk.worker.state is not state


@pytest.mark.parametrize("state", [each for each in State if each is not S.WAITING], ids=str)
def test_only_a_worker_that_waits_for_memory_is_told_of_it(state: State) -> None:
    """An answer that comes too late changes nothing, wherever the worker has come to meanwhile."""
    desk = desk_in(state)
    its, error, due = desk.worker.memory, HushdError("server_busy", "No."), desk.worker.deadline()
    note = desk.lifecycle.awaited(desk.now)
    assert its.refuse(desk.now, error) == its.admit(desk.now) == []
    assert its.wait_for_others(desk.now, "soon") == []
    assert (desk.worker.state, desk.worker.deadline(), desk.lifecycle.awaited(desk.now)) == (state, due, note)


@pytest.mark.parametrize(("held", "code"), [(False, "server_busy"), (True, "")])
def test_a_machine_that_starts_no_process_is_busy(held: bool, code: str) -> None:
    """A request that waits is told; for the next supervisor it goes on waiting."""
    desk = desk_in(S.STARTING)
    request = desk.requests[0]
    if held:
        desk.hold()
    desk.news(ev.SpawnFailed, "no memory", True)
    assert (desk.worker.state, desk.terminal(request), desk.worker.status(0.0, desk.now).failure) == (
        S.STOPPED,
        code,
        "",
    )
    if code:
        told = desk.answers(request)[-1]
        sentence = f"{NAME} cannot be started now (no memory): ask again in a moment."
        assert isinstance(told, m.Error)
        assert (told.message, told.retry_after_ms) == (sentence, POSTPONED_RETRY_MS)


def test_a_worker_that_reports_nonsense_is_ended() -> None:
    desk = desk_in(S.STARTING)
    desk.from_worker(m.Ready(capabilities={"streaming": 3}))
    said = f"{NAME} is ended: what it reports cannot be read, for its streaming must be true or false, not 3."
    assert do.Log("ERROR", said) in desk.done
    assert desk.worker.state is S.KILLING


@pytest.mark.parametrize(("granted", "message"), [
    (m.Chunk(id=b"", seq=0, payload=b".."), m.Chunk(id=b"", seq=1, payload=b"..")),
    (m.Credit(id=b"", chunks=MAX_CREDIT), m.Credit(id=b"", chunks=1)),
])  # fmt: skip
def test_a_worker_that_sends_without_credit_is_ended_once(granted: m.Message, message: m.Message) -> None:
    """The same end comes to one that asks for more input than any client sends."""
    desk = Desk()
    request = desk.request(credit=1, input="stream")
    desk.ready()
    desk.from_worker(replace(granted, id=request.id))
    assert desk.worker.state is S.BUSY
    for _ in range(2):
        desk.from_worker(replace(message, id=request.id))
        assert do.Log("ERROR", f"{NAME} sends without credit") in desk.done
        assert desk.worker.state is S.KILLING
    assert [type(action) for action in desk.actions].count(do.Kill) == 1


@pytest.mark.parametrize(
    ("status", "ours", "oom", "said"),
    [
        (0, True, True, "exit status 0"), (3, False, False, "exit status 3"), (-1, False, True, "killed by SIGHUP"),
        (-9, True, True, "killed by hushd for not answering"),
        (-9, False, True, "killed by the system, out of memory"),
        (-9, False, False, "killed by SIGKILL from outside"),
        (-9, False, None, "killed by SIGKILL, perhaps out of memory"), (-11, True, True, "killed by SIGSEGV"),
        (-200, False, False, "killed by signal 200"),
    ],
)  # fmt: skip
def test_an_exit_in_words(status: int, ours: bool, oom: bool | None, said: str) -> None:
    assert describe_exit(status, ours, oom) == said


def test_backoff_doubles_and_is_forgotten_after_a_steady_minute() -> None:
    """0.5 s, doubling up to 30 s, so long as four crashes take more than five minutes; after 60 s of being ready the
    next crash waits 0.5 s again."""
    desk = Desk()
    desk.request()
    delays = []
    for _ in range(8):
        if desk.worker.state is State.BACKOFF:
            desk.time()
        desk.now += 101
        desk.exit(1)
        delays.append(desk.lifecycle.deadline() - desk.now)
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    desk.time()
    desk.ready()
    desk.result()
    desk.result()
    desk.now += 61
    desk.exit(1)
    assert desk.worker.deadline() - desk.now == 0.5


def test_four_crashes_close_the_worker_for_two_minutes() -> None:
    """FAILED refuses with the reason and the time left, once to each, and opens again by itself."""
    desk = desk_in(State.FAILED)
    assert desk.terminal(desk.requests[0]) == "worker_failed"
    refused = desk.request()
    error = desk.answers(refused)[-1]
    assert isinstance(error, m.Error)
    assert error.retry_after_ms == 120_000
    assert "boom" in error.message
    desk.time()
    desk.request()
    assert desk.worker.state is State.STARTING


def test_a_start_that_hangs_is_told_as_such() -> None:
    """Two starts that make no progress end as start_timeout, not as a crash nobody can explain, however far apart."""
    desk = Desk()
    request = desk.request()
    for _ in range(2):
        desk.time()
        assert desk.worker.state is State.KILLING
        desk.exit(-9)
        if desk.worker.state is State.BACKOFF:
            desk.time()
    assert desk.terminal(request) == "start_timeout"


@pytest.mark.parametrize(("log", "said"), [
    ("It has failed.\nSampling:  11%|# | 110/1000 [00:02<00:20, 44.8it/s]\n", "It has failed."),
    ("It has failed.\r 3it [00:02,  1.2s/it]\r 4it [00:02,  1.2s/it]", "It has failed."),
    ("No file.\n/x/y.py:3: FutureWarning: `a` is deprecated, use `b`\n  loaded = a(path)\n", "No file."),
    ("UserWarning: odd\nRuntimeError: not enough memory", "RuntimeError: not enough memory"),
    ("Traceback (most recent call last):\n  File x, line 3\nKeyError: 'a'\n", "KeyError: 'a'"),
    ("ValueError: " + 300 * "x", "ValueError: " + 188 * "x"),
])  # fmt: skip
def test_an_error_quotes_a_sentence_of_the_log(log: str, said: str) -> None:
    """Its last line that says something: bars of progress and warnings, with the code that they show, do not."""
    death = Death("stt/a/x", State.STARTING, "exit status 1", log, "")
    assert death.cause == f"exit status 1; its log ends: {said}"


def gauge(desk: Desk, **used: float) -> None:
    """A look at the start finds that it has used so much so far."""
    desk.news(ev.StartProbed, ev.Used(**used))  # type: ignore[arg-type]


def begin(desk: Desk) -> None:
    desk.news(ev.Spawned)
    desk.from_worker(m.WorkerHello(token="t", protocol=1, version="1", pid=2))


def end_of_start(desk: Desk) -> float:
    """Lets time pass until the start is ended; returns how long that took."""
    began = desk.now
    while desk.worker.state is State.STARTING:
        desk.tick(desk.worker.deadline())
    return desk.now - began


@pytest.mark.parametrize("what", ["cpu_s", "read", "private"])
def test_a_start_that_makes_progress_is_never_ended(what: str) -> None:
    """A fifth of a second of CPU time, 100 kB read or a megabyte taken in each 50 s keep it for an hour; 60 s after the
    last of it the start is ended."""
    desk = desk_in(State.STARTING)
    begin(desk)
    for step in range(1, 73):
        desk.now += 50
        gauge(desk, **{what: step * {"cpu_s": 0.2, "read": 100_000, "private": 1_000_000}[what]})
        desk.tick()
        assert desk.worker.state is State.STARTING
    assert end_of_start(desk) == 60


@pytest.mark.parametrize(("words", "ended"), [(0, 60), (1, 90), (20, LOADING_WORD_S)])
def test_the_word_of_a_start_counts_for_five_minutes(words: int, ended: float) -> None:
    """A process that says every 30 s that it loads, and shows nothing else, is ended 60 s after its last word, or five
    minutes after its last progress."""
    desk = desk_in(State.STARTING)
    begin(desk)
    began = desk.now
    for _ in range(words):
        desk.tick(desk.now + 30)
        if desk.worker.state is State.KILLING:
            break
        desk.from_worker(m.Loading())
    end_of_start(desk)
    assert desk.now - began == ended


def test_a_load_that_reads_may_compute_for_as_long_as_it_likes() -> None:
    """Ten minutes of CPU time count from the last bytes read or taken: then it turns in a circle, and is ended."""
    desk = desk_in(State.STARTING)
    begin(desk)
    for step in range(1, 19):
        desk.now += 50
        gauge(desk, cpu_s=step * 100, read=min(step, 12) * 100_000)
        desk.tick()
        assert (desk.worker.state is State.STARTING) == (step < 18)
    assert desk.worker.process.start_timed_out == "has used 600 s of CPU time while loading, and neither read nor grown"


def test_who_waits_is_told_what_happens() -> None:
    """Every 4 s: how far the load is, of how much; before, that there is no memory; after, when the next start is."""
    desk = desk_in(State.WAITING)
    (request,) = desk.jobs.waiting
    desk.take(desk.worker.memory.admit(desk.now, Place(need=3_200_000_000)))
    begin(desk)
    began = desk.now
    while desk.now < began + 9:
        gauge(desk, private=int((desk.now - began) * 3e8), cpu_s=desk.now)
        desk.tick(desk.worker.deadline())
    told = [a for a in desk.answers(request) if isinstance(a, m.Accepted) and a.note]
    assert [(a.state, a.note) for a in told[-2:]] == [
        ("starting", "loading, 0.6 of 3.2 GB"),
        ("starting", "loading, 1.8 of 3.2 GB"),
    ]
    desk.exit(-9)
    desk.now += 0.1
    assert desk.lifecycle.awaited(desk.now) == "its process has died, the next one starts in 0 s"


def test_beats_and_cpu_time_keep_a_quiet_job_alive() -> None:
    """A job without output is left alone while the process's CPU time rises, and killed 20 s after it stops."""
    desk = desk_in(State.BUSY)
    for second in range(2, 60, 2):
        desk.now = 100.0 + second
        desk.from_worker(m.Beat(cpu_s=second / 10))
        desk.tick()
    assert desk.worker.state is State.BUSY
    last = desk.now
    while desk.worker.state is State.BUSY:
        desk.now += 2
        desk.from_worker(m.Beat(cpu_s=5.8))
        desk.tick()
    assert 20 <= desk.now - last <= 22


@pytest.mark.parametrize(("progress", "limit_s"), [
    pytest.param({"total": 300.0}, 600.0, id="a long recording"),
    pytest.param({"done": 30.0, "total": 300.0}, 600.0, id="in its midst"),
    pytest.param({"done": 300.0}, 600.0, id="one of unknown length"),
    pytest.param({"total": 5.0}, 20.0, id="a short one"),
])  # fmt: skip
def test_long_audio_may_be_quiet_for_longer(progress: dict[str, float], limit_s: float) -> None:
    """The stall limit is twice the seconds of audio that the worker spoke of; the next run has its own."""
    desk = desk_in(State.BUSY)
    request = desk.requests[0].message.id
    desk.from_worker(m.Progress(id=request, **progress))
    assert quiet_for(desk) == pytest.approx(limit_s, abs=2.1)
    desk.exit(-9)
    desk.time()
    desk.ready()
    assert quiet_for(desk) == pytest.approx(20.0, abs=2.1)


def quiet_for(desk: Desk) -> float:
    """The seconds after which a process that beats and does nothing is ended."""
    since = desk.now
    while desk.worker.state is State.BUSY and desk.now < since + 1000:
        desk.now += 2
        desk.from_worker(m.Beat(cpu_s=0.0))
        desk.tick()
    return desk.now - since


def test_poison_is_told_after_two_crashes_and_counts_for_nothing() -> None:
    """One request that kills its worker twice is poison; the worker stays open for everybody else."""
    desk = Desk()
    for _ in range(5):
        poison = desk.request()
        while not desk.terminal(poison):
            if desk.worker.state is State.BACKOFF:
                desk.time()
            if desk.worker.state is State.STARTING:
                desk.ready()
            desk.exit(-11)
        assert desk.terminal(poison) == "poison_request"
        told = desk.answers(poison)[-1]
        assert isinstance(told, m.Error)
        assert told.message.endswith("twice (killed by SIGSEGV; its log ends: boom): do not repeat it.")
        assert desk.worker.state is State.STOPPED
    assert not desk.crashes


def test_after_a_shared_crash_each_is_retried_alone() -> None:
    """Only the culprit of three jobs that ran during a crash is called poison; the others get their results."""
    desk = Desk()
    requests = [desk.request() for _ in range(3)]
    desk.from_worker(m.Ready(slots=3))
    assert len(desk.jobs.running) == 3
    desk.exit(-11)
    while not all(desk.terminal(t) for t in requests):
        if desk.worker.state is State.BACKOFF:
            desk.time()
        if desk.worker.state is State.STARTING:
            desk.from_worker(m.Ready(slots=3))
        (running,) = desk.jobs.running.values()
        if running is requests[1]:
            desk.exit(-11)
        else:
            desk.result()
    assert [desk.terminal(t) for t in requests] == ["result", "poison_request", "result"]


@pytest.mark.parametrize(
    "how",
    [
        {"status": -9}, {"status": -15}, {"status": -9, "out_of_memory": None},
        {"status": -9, "killed": True, "stopped": True},
    ],
)  # fmt: skip
def test_who_is_ended_from_outside_is_no_culprit(how: dict[str, Any]) -> None:
    """Seven processes that others kill or stop under a request, each followed by the next at once, leave it its result
    and its worker open; at the eighth it ends with an error that blames nobody."""
    desk = Desk()
    for deaths, end in ((MAX_FELLED - 1, "result"), (MAX_FELLED, "worker_crashed")):
        request, beside = desk.request(), desk.request()
        for _ in range(deaths):
            desk.ready()
            end_from_outside(desk, **how)
            assert (desk.worker.state, bool(desk.crashes)) == (State.STARTING, False)
        desk.ready()
        desk.result()
        desk.result()
        assert (desk.terminal(request), desk.terminal(beside)) == (end, "result")


@pytest.mark.parametrize("how", [{"status": -9}, {"status": -9, "killed": True, "stopped": True}])
def test_starts_that_are_ended_from_outside_close_a_worker_only_in_a_row(how: dict[str, Any]) -> None:
    """Seven of them cost a request no more than the pauses, and a success forgets them; eight are an error that says
    where to look."""
    desk = Desk()
    for deaths, end in ((MAX_FELLED - 1, "result"), (MAX_FELLED - 1, "result"), (MAX_FELLED, "worker_failed")):
        request = desk.request()
        for _ in range(deaths):
            end_from_outside(desk, **how)
            if desk.worker.state is State.BACKOFF:
                desk.time()
        if end == "result":
            desk.ready()
            desk.result()
            desk.unload()
            desk.exit(0)
        assert desk.terminal(request) == end
    error = desk.answers(request)[-1]
    assert isinstance(error, m.Error)
    assert "is ended from outside of hushd whenever it starts" in error.message
    assert error.message.endswith(". Look for a program that does that.")


def end_from_outside(desk: Desk, status: int, killed: bool = False, **how: Any) -> None:
    """Ends the process, or first has hushd kill one that others have stopped."""
    if killed:
        desk.time()
        assert desk.worker.state is State.KILLING
    desk.exit(status, **how)


@pytest.mark.parametrize(
    ("how", "code"),
    [({"out_of_memory": True}, "poison_request"), ({"scarce": True}, "server_busy")],
)
def test_who_is_killed_twice_for_memory_is_refused(how: dict[str, bool], code: str) -> None:
    """The kernel's count tells it; or memory is critically short, as programs kill that watch it."""
    desk = Desk()
    request = desk.request()
    for _ in range(2):
        desk.ready()
        desk.exit(-9, **how)
        if desk.worker.state is State.BACKOFF:
            desk.time()
    assert desk.terminal(request) == code


def test_output_that_was_sent_is_not_sent_again() -> None:
    """A job that has produced output before the crash ends as worker_crashed: no retry, no duplicate."""
    desk = Desk()
    request = desk.request(credit=8)
    desk.ready()
    desk.from_worker(m.Chunk(id=request.message.id, seq=0))
    desk.exit(-9)
    error = desk.answers(request)[-1]
    assert isinstance(error, m.Error)
    assert error.code == "worker_crashed"
    assert "killed by SIGKILL from outside" in error.message
    assert error.detail["log_tail"] == "boom\n"


def test_priorities_order_the_queue_and_arrival_orders_equals() -> None:
    """More urgent first, first come first served within one priority."""
    desk = desk_in(State.BUSY)
    names = ["progress", "text", "important", "text", "message", "notification"]
    requests = [desk.request(priority=name) for name in names]
    assert [requests.index(t) for t in desk.jobs.queue.order(desk.now)] == [2, 4, 1, 3, 5, 0]


def test_a_cancelled_request_ends_at_once_and_its_engine_in_its_own_time() -> None:
    """The client has its answer, hears no more, and the next request waits for the slot: not for another process."""
    desk = desk_in(State.BUSY)
    (request,) = desk.requests
    desk.cancel(request)
    assert desk.terminal(request) == "cancelled"
    following = desk.request()
    for beat in range(10):
        desk.now += 2.0
        desk.from_worker(m.Beat(cpu_s=2.0 * beat))
        desk.from_worker(m.Chunk(id=request.message.id, seq=beat))  # beyond any credit
        desk.from_worker(m.Partial(id=request.message.id, seq=beat, data={}))
    assert (desk.worker.state, desk.terminal(following)) == (State.BUSY, "")
    desk.result()
    assert (desk.terminal(request), list(desk.jobs.running.values())) == ("cancelled", [following])
    desk.result()
    assert (desk.terminal(following), desk.worker.process.gen) == ("result", 1)


@pytest.mark.parametrize("slots", [1, 3])
def test_an_engine_that_works_on_after_its_cancel_is_killed(slots: int) -> None:
    """It has 60 s of CPU time, whatever the clock says; what jobs beside it take is not its. It is not a crash."""
    desk = Desk()
    request, *others = [desk.request() for _ in range(slots)]
    desk.from_worker(m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    desk.from_worker(m.Ready(slots=slots))
    desk.from_worker(m.Beat(cpu_s=1000.0))  # of the load
    desk.cancel(request)
    desk.now += 100.0
    desk.from_worker(m.Beat(cpu_s=1000.0 + 59.0 * slots))
    assert desk.worker.state is State.BUSY
    desk.from_worker(m.Beat(cpu_s=1000.0 + 60.0 * slots))
    assert desk.worker.state is State.KILLING
    desk.exit(-9)
    assert [desk.terminal(t) for t in (request, *others)] == ["cancelled"] + [""] * (slots - 1)  # which are repeated
    assert not desk.crashes


def test_a_cancelled_request_leaves_its_lease() -> None:
    """Its lease counts from the cancel on, as of one that ended otherwise; the end of its piece withdraws nothing."""
    for keep_alive, leaves in ((600.0, False), (0.0, True)):
        desk = Desk()
        request = desk.request(keep_alive=keep_alive)
        desk.ready()
        desk.cancel(request)
        desk.now += 1.0
        desk.result()
        assert desk.worker.state is (State.STOPPING if leaves else State.READY)
        assert leaves or desk.worker.deadline() == 700.0


def test_deadlines_count_queueing_start_and_work() -> None:
    """A deadline ends a request wherever it is, with deadline_exceeded."""
    for state in (State.STARTING, State.BUSY):
        desk = Desk()
        request = desk.request()
        request.deadline = desk.now + 3
        if state is State.BUSY:
            desk.ready()
        desk.time()
        if state is State.BUSY:
            desk.from_worker(m.Error(id=request.message.id, code="cancelled", message=""))
        assert desk.terminal(request) == "deadline_exceeded"


def test_settings_of_the_process_end_it() -> None:
    """Others, such as how long it rests, count from now on for the one that there is."""
    desk = desk_in(State.READY)
    desk.take(desk.worker.configure(WorkerSettings(keep_alive=60.0), desk.now))
    assert (desk.worker.state, desk.worker.deadline()) == (State.READY, desk.now + 60.0)
    desk.take(desk.worker.configure(WorkerSettings(keep_alive=60.0, compute_device="cpu"), desk.now))
    assert desk.worker.state is State.STOPPING


@pytest.mark.parametrize("seq", [1, 7])
def test_input_out_of_order_ends_the_request(seq: int) -> None:
    """A chunk that is not the next one means that one was lost: the request ends as protocol_error."""
    desk = Desk()
    request = desk.request(input="stream")
    desk.ready()
    desk.from_worker(m.Credit(id=request.message.id, chunks=8))
    desk.input(request, m.Chunk(id=request.message.id, seq=seq))
    assert request.ending == "protocol_error"
    assert not any(isinstance(a, do.ToWorker) and isinstance(a.message, m.Chunk) for a in desk.actions)


@pytest.mark.parametrize("how", ["shutdown", "shutdown twice", "hold", "hold and shutdown"])
def test_a_job_that_a_leaving_supervisor_kills_ends_as_shutting_down(how: str) -> None:
    """Its client asks the next supervisor, and no process of this one starts for it; nothing has crashed."""
    desk = Desk()
    repeatable, begun = desk.request(), desk.request()
    desk.from_worker(m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    desk.from_worker(m.Ready(slots=2))
    desk.from_worker(m.Partial(id=begun.id, seq=0, data={}))
    for each in ("hold",) * ("hold" in how) + ("shutdown",) * (how.count("shutdown") + ("twice" in how)):
        getattr(desk, each)()
    assert (desk.worker.state is State.KILLING) == (" " in how), "the second one waits for nothing"
    while desk.worker.state is State.DRAINING:
        desk.now += 1.0
        desk.from_worker(m.Beat(cpu_s=desk.now))
        desk.tick()
    desk.exit(-9)
    assert [desk.terminal(each) for each in (repeatable, begun)] == ["shutting_down"] * 2
    assert (desk.worker.state, desk.crashes) == (State.STOPPED, 0)
    assert not desk.worker.waiting
