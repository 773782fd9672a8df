"""The worker harness as a real process on a real ROUTER, with a scripted engine in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd_protocol import messages as m
from hushd_protocol.codec import pack
from hushd_protocol.limits import CREDIT_WINDOW, EXIT_CARD_FAILED, EXIT_NO_MEMORY, MAGIC, PROTOCOL
from support import python_path
from support.peer import wait_until
from support.stopwatch import Stopwatch

UNSENDABLE = "The engine failed at this request (TypeError: Encoding objects of type object is unsupported)."
TOO_LARGE = "The engine failed at this request (HushdError: The header has 70050 bytes, 65536 are allowed)."
PROGRAM = Path(__file__).with_name("scripted_engine.py")
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="sizes are known from /proc")


def number(n: int) -> bytes:
    return n.to_bytes(16, "big")


@pytest.fixture
def engine(start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Starts the scripted engine with these flags and gives its peer.

    It does not come to rest, and so sends no beat about it, unless a test says when.
    """

    monkeypatch.setenv("PYTHONPATH", python_path.first(PROGRAM.parent))

    def run(*flags: str, **options: int) -> Any:
        return start([sys.executable, "-P", "-m", "scripted_engine", "--settle", "60", *flags], **options)

    return run


def ready(engine: Callable[..., Any]) -> Any:
    worker = engine()
    worker.ready()
    return worker


def wait_for_input(worker: Any) -> None:
    """Has it do job 1 until that is cancelled, or its input ends."""
    worker.send(m.Job(id=number(1), op="until_cancelled", input="stream"))
    worker.receive(m.Progress)
    worker.receive(m.Credit)


def leave(worker: Any) -> int:
    worker.send(m.Drain())
    worker.until(m.Bye)
    worker.send(m.Bye())
    return int(worker.wait())


# --- start ----------------------------------------------------------------------------------------------------------


def test_hello_loading_ready(engine: Callable[..., Any]) -> None:
    """A worker sends hello with its token, reports its load, then sends ready with slots, size and capabilities."""
    worker = engine("--load", "report", "--slots", "3", "--settle", "0.1")
    hello = worker.receive(m.WorkerHello)
    assert (hello.token, hello.protocol, hello.pid) == (worker.token, PROTOCOL, worker.process.pid)
    worker.send(m.Welcome(protocol=PROTOCOL, version="0"))
    assert [worker.receive(m.Loading).note for _ in range(2)] == ["weights", "warm-up"]
    ready = worker.receive(m.Ready)
    assert (ready.slots, ready.capabilities) == (3, {"engine": "scripted", "model": "report"})
    assert 5_000_000 < ready.private < 200_000_000 or sys.platform != "linux"
    worker.receive(m.Beat)  # its size at rest, once
    assert worker.silent(0.3)


def test_loading_is_silent_while_it_hangs(engine: Callable[..., Any]) -> None:
    """A load that uses no CPU time must not look alive: ten intervals of sleep, no `loading`."""
    worker = engine("--load", "sleep", "--loading", "0.05")
    worker.receive(m.WorkerHello)
    _, before = worker.until(m.Ready)
    # The first interval may still see the import's CPU time.
    assert len(before) <= 1


def test_a_load_that_cannot_succeed(engine: Callable[..., Any]) -> None:
    """HushdError from load: `load_failed` with its code and sentence, `bye`, exit 78, and nothing in the log."""
    worker = engine("--load", "missing")
    worker.receive(m.WorkerHello)
    failed = worker.receive(m.LoadFailed)
    assert (failed.code, failed.message) == ("model_missing", "The model tiny is not installed: hushd install tiny.")
    worker.receive(m.Bye)
    worker.send(m.Bye())
    assert worker.wait() == 78
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.parametrize(("how", "trace"), [("raise", "RuntimeError: weights are upside down"), ("exit", "SystemExit")])
def test_a_load_that_crashes(engine: Callable[..., Any], how: str, trace: str) -> None:
    """Any other exception: exit 70, nothing on the wire but perhaps the hello, the traceback in the log."""
    worker = engine("--load", how, "--slots", "4")
    assert worker.wait() == 70
    if not worker.silent(0.05):
        worker.receive(m.WorkerHello)
    assert worker.silent(0.05)
    log = worker.log.read_text()
    assert "Traceback" in log
    assert trace in log


@pytest.mark.parametrize(
    ("how", "words", "trace"),
    [("short", "not enough free memory", "PLEASE READ THIS"), ("full_card", "not have enough free memory", "")],
)
def test_a_load_without_memory(engine: Callable[..., Any], how: str, words: str, trace: str) -> None:
    """`server_busy`, not the missing engine or model that a library takes it for: with more memory it will load. The
    message names what is short, and the log has the library's words."""
    worker = engine("--load", how, "--slots", "4")
    failed = worker.until(m.LoadFailed)[0]
    assert (failed.code, failed.on_card) == ("server_busy", how == "full_card")
    assert words in failed.message
    worker.send(m.Bye())
    assert worker.wait() == 78
    assert trace in worker.log.read_text()


# --- jobs -----------------------------------------------------------------------------------------------------------


def test_a_job_gets_its_result(engine: Callable[..., Any]) -> None:
    """An inline job is answered under its own id; the engine runs on the thread that loaded it."""
    worker = ready(engine)
    worker.send(m.Job(id=number(1), op="echo", params={"a": [1, None]}, payload=b"12345"))
    assert worker.receive(m.Result) == m.Result(id=number(1), data={"params": {"a": [1, None]}, "size": 5})
    worker.send(m.Job(id=number(2), op="thread"))
    thread, _ = worker.until(m.Result)
    assert thread.data["same_as_load"] is True


def test_jobs_that_fail(engine: Callable[..., Any]) -> None:
    """A HushdError is reported as it is; others as one sentence, the traceback in the log; the worker lives on."""
    worker = ready(engine)
    for op, code, message in (
        ("refuse", "input_unreadable", "That is no audio: send a WAV file."),
        ("raise", "worker_failed", "The engine failed at this request (ValueError: negative)."),
        ("sys_exit", "worker_failed", "The engine failed at this request (SystemExit: 3)."),
        ("no_such_op", "worker_failed", "The engine failed at this request (KeyError: 'op_no_such_op')."),
        ("unsendable", "worker_failed", UNSENDABLE),
        ("unsendable_partial", "worker_failed", UNSENDABLE),
        ("unsendable_error", "worker_failed", UNSENDABLE),
        ("too_large", "worker_failed", TOO_LARGE),
        ("too_much", "worker_failed", "There was not enough memory for this request."),
        ("too_late", "worker_failed", "There was not enough memory for this request."),
    ):
        before = worker.log.read_text().count("Traceback")
        worker.send(m.Job(id=number(1), op=op))
        error, _ = worker.until(m.Error)
        assert (error.id, error.code, error.message) == (number(1), code, message)
        assert (error.culprit, error.retryable) == (("client", False) if op == "refuse" else ("worker", True))
        assert error.detail == ({"at": 3} if op == "refuse" else {})
        assert (worker.log.read_text().count("Traceback") > before) == (op != "refuse")
        worker.send(m.Job(id=number(2), op="echo"))
        assert worker.until(m.Result)[0].id == number(2)
    assert leave(worker) == 0


@pytest.mark.parametrize(("op", "status", "why"), [
    ("break_card", EXIT_CARD_FAILED, "The graphics card failed, and this process cannot compute on it any more."),
    ("fill_card", EXIT_NO_MEMORY, "The graphics card did not have enough free memory for this request."),
])  # fmt: skip
def test_a_job_after_which_the_process_must_end(engine: Callable[..., Any], op: str, status: int, why: str) -> None:
    """Nothing of the job is answered: the process crashes at once, for the supervisor to repeat the job in another;
    the log ends with the reason."""
    worker = ready(engine)
    worker.send(m.Job(id=number(1), op=op))
    assert worker.wait() == status
    assert worker.silent(0.05)
    assert worker.log.read_text().rstrip().endswith(why)


def test_cancel_while_it_waits_for_input(engine: Callable[..., Any]) -> None:
    """A job that waits for a stream answers a cancel with `cancelled`; the next job runs."""
    worker = ready(engine)
    worker.send(m.Job(id=number(1), op="until_cancelled", input="stream"))
    assert worker.receive(m.Progress) == m.Progress(id=number(1), done=1.0, total=2.0)
    assert worker.receive(m.Credit) == m.Credit(id=number(1), chunks=CREDIT_WINDOW)
    worker.send(m.Cancel(id=number(1)))
    error = worker.receive(m.Error)
    assert (error.id, error.code) == (number(1), "cancelled")
    worker.send(m.Job(id=number(2), op="echo"))
    assert worker.until(m.Result)[0].id == number(2)


def test_cancel_before_its_turn(engine: Callable[..., Any]) -> None:
    """The waiting one of two jobs for a slot can be cancelled; it never reaches the engine."""
    worker = ready(engine)
    worker.send(m.Job(id=number(1), op="until_cancelled", input="stream"))
    worker.receive(m.Progress)
    worker.send(m.Job(id=number(2), op="print"))
    worker.send(m.Cancel(id=number(2)))
    worker.send(m.Cancel(id=number(1)))
    worker.receive(m.Credit)
    assert [worker.receive(m.Error).id for _ in range(2)] == [number(1), number(2)]
    assert "printed" not in worker.log.read_text()


def test_sessions_run_beside_the_slots(engine: Callable[..., Any]) -> None:
    """An engine for one file and two live sessions reports both, has threads for all, and marks live jobs."""
    worker = engine("--sessions", "2")
    ready = worker.ready()
    assert (ready.slots, ready.sessions) == (1, 2)
    for n in (1, 2, 3):
        worker.send(m.Job(id=number(n), op="until_cancelled", input="stream", session=n > 1))
    assert {worker.until(m.Progress)[0].id for _ in range(3)} == {number(n) for n in (1, 2, 3)}
    worker.send(m.Cancel(id=number(3)))
    worker.until(m.Error)
    worker.send(m.Job(id=number(4), op="kind", session=True))
    assert worker.until(m.Result)[0].data == {"session": True}


def test_jobs_that_wait_for_their_clients_keep_no_other_from_running(engine: Callable[..., Any]) -> None:
    """Beyond its slots a worker runs what the supervisor has set aside; the threads for that go when they are done."""
    worker = engine("--aside", "3")
    ready = worker.ready()
    assert (ready.slots, ready.aside) == (1, 3)
    threads = psutil.Process(worker.process.pid).num_threads()
    for n in (1, 2, 3):
        worker.send(m.Job(id=number(n), op="until_cancelled", input="stream"))
        worker.until(m.Credit)
        worker.send(m.Job(id=number(10 + n), op="echo"))
        assert worker.until(m.Result)[0].id == number(10 + n)
    for n in (1, 2, 3):
        worker.send(m.Cancel(id=number(n)))
        assert worker.until(m.Error)[0].id == number(n)
    wait_until(lambda: psutil.Process(worker.process.pid).num_threads() <= threads)
    worker.send(m.Job(id=number(4), op="echo"))
    assert worker.until(m.Result)[0].id == number(4)
    assert leave(worker) == 0


def test_prints_land_in_the_log(engine: Callable[..., Any]) -> None:
    """print() and descriptor 1 of load and jobs go to stderr, all of it by the exit; stdout stays empty."""
    worker = ready(engine)
    worker.send(m.Job(id=number(1), op="print"))
    worker.receive(m.Result)
    assert leave(worker) == 0
    log = worker.log.read_text()
    for line in ("loading: fast", "printed by the engine", "written to descriptor 1"):
        assert line in log
    assert worker.out.read_bytes() == b""


def test_garbage_does_not_end_a_worker(engine: Callable[..., Any]) -> None:
    """Frames it cannot read are answered by an error without an id; the running job goes on."""
    worker = ready(engine)
    wait_for_input(worker)
    chunk = pack(m.Chunk(id=number(1), seq=0))
    for frames in ([b"junk"], [MAGIC, b"\xc1", b""], [MAGIC, b"\x81\xa4type\xa4sing", b""], [*chunk, b""]):
        worker.router.send_multipart([worker.route, *frames])
        error = worker.receive(m.Error)
        assert (error.id, error.code in ("protocol_error", "unsupported")) == (b"", True)
    worker.send(m.Cancel(id=number(1)))
    assert worker.receive(m.Error).id == number(1)


# --- beats ----------------------------------------------------------------------------------------------------------


def test_beats_only_while_busy(engine: Callable[..., Any]) -> None:
    """A beat each interval while a job runs, one after the last job with its memory, then silence."""
    worker = engine("--beat", "0.05", "--settle", "0.1")
    worker.ready()
    worker.receive(m.Beat)  # its size at rest
    assert worker.silent(0.2)
    worker.send(m.Job(id=number(1), op="until_cancelled", input="stream"))
    worker.until(m.Progress)  # where the job's thread gets no core, a beat comes first
    worker.until(m.Credit)
    beats = [worker.receive(m.Beat) for _ in range(4)]
    assert [beat.cpu_s for beat in beats] == sorted(beat.cpu_s for beat in beats)
    assert beats[0].cpu_s > 0
    assert all(beat.pss > 5_000_000 for beat in beats) or sys.platform != "linux"
    worker.send(m.Cancel(id=number(1)))
    worker.until(m.Error)
    worker.receive(m.Beat)
    assert worker.silent(0.3)


@ON_LINUX
def test_an_engine_rests_after_its_last_job(engine: Callable[..., Any]) -> None:
    """It keeps what work needs beside a job; once none is left it gives that back, and the last beat is without it."""
    worker = engine("--beat", "60", "--settle", "0.1", "--slots", "2")
    worker.ready()
    size = worker.receive(m.Beat).pss
    worker.send(m.Job(id=number(1), op="until_cancelled", input="stream"))
    worker.receive(m.Progress)
    worker.receive(m.Credit)  # or it comes while the rest is to be silent, where its thread gets no core
    worker.send(m.Job(id=number(2), op="keep", params={"bytes": 20_000_000}))
    worker.receive(m.Result)
    assert worker.receive(m.Beat).pss == pytest.approx(size + 20e6, abs=6e6)
    assert worker.silent(0.3)
    worker.send(m.Cancel(id=number(1)))
    worker.until(m.Error)
    beat, _ = worker.until(m.Beat)
    while beat.pss > size + 10e6:
        beat, _ = worker.until(m.Beat)
    assert beat.pss == pytest.approx(size, abs=6e6)
    assert worker.silent(0.3)


@ON_LINUX
def test_a_job_that_has_grown_its_worker_is_followed_by_a_beat(engine: Callable[..., Any]) -> None:
    """Each 20 MB that stay are reported right after the answer, for a failure too; 1 MB is not worth a message."""
    worker = engine("--beat", "60")  # a busy machine may take longer than the usual 2 s for a job
    size = worker.ready().private
    for n in range(3):
        worker.send(m.Job(id=number(n), op="keep", params={"bytes": 20_000_000}))
        worker.receive(m.Result)
        beat = worker.receive(m.Beat)
        assert beat.private == pytest.approx(size + (n + 1) * 20e6, abs=6e6)
    worker.send(m.Job(id=number(3), op="keep", params={"bytes": 1_000_000}))
    worker.receive(m.Result)
    assert worker.silent(0.05)


@ON_LINUX
def test_a_program_that_has_ended_is_reported_before_the_answer(engine: Callable[..., Any]) -> None:
    """Its memory would otherwise be the worker's, which the supervisor ends where that is too much."""
    worker = engine("--beat", "0.5")
    size = worker.ready().private
    worker.send(m.Job(id=number(1), op="unmap", input="stream"))
    while worker.until(m.Beat)[0].private < size + 60_000_000:
        pass
    worker.send(m.Chunk(id=number(1), seq=0, last=True))
    _, before = worker.until(m.Result)
    assert [each.private for each in before if isinstance(each, m.Beat)][-1] < size + 30_000_000


def test_a_job_that_economised_says_so(engine: Callable[..., Any]) -> None:
    """`economy` reaches the engine; `degraded` is in the result exactly if the engine has set it."""
    worker = ready(engine)
    for n, economy in enumerate((False, True)):
        worker.send(m.Job(id=number(n), op="economise", economy=economy))
        assert worker.receive(m.Result).data == {"asked": economy} | ({"degraded": True} if economy else {})
    worker.send(m.Job(id=number(2), op="echo", economy=True))
    assert "degraded" not in worker.receive(m.Result).data


# --- leaving --------------------------------------------------------------------------------------------------------


def test_drain_bye_bye(engine: Callable[..., Any]) -> None:
    """An idle worker told to leave says bye at once, and is gone with status 0 as soon as it is answered."""
    worker = ready(engine)
    worker.send(m.Drain())
    worker.receive(m.Bye)
    worker.send(m.Bye())
    started = Stopwatch()
    assert worker.wait() == 0
    assert started.calm < 0.5
    assert worker.silent(0.05)


def test_drain_lets_a_job_finish(engine: Callable[..., Any]) -> None:
    """Told to leave while a job runs, it answers the job first; bye is last."""
    worker = ready(engine)
    wait_for_input(worker)
    worker.send(m.Drain())
    assert worker.silent(0.2)
    worker.send(m.Chunk(id=number(1), seq=0, last=True))
    worker.receive(m.Result)
    worker.receive(m.Bye)
    worker.send(m.Bye())
    assert worker.wait() == 0


@pytest.mark.parametrize("attempt", range(10))
def test_race_23_no_result_is_lost_at_exit(engine: Callable[..., Any], attempt: int) -> None:
    """60 results of 60 kB and the bye arrive, all and in order, although the supervisor's queue holds only ten."""
    worker = engine(receive_high_water=10)
    worker.ready()
    for n in range(60):
        worker.send(m.Job(id=number(n), op="big" if n % 2 else "echo"))
    worker.send(m.Drain())
    results = [worker.receive(m.Result).id for _ in range(60)]
    worker.receive(m.Bye)
    worker.send(m.Bye())
    assert results == [number(n) for n in range(60)]
    assert worker.wait() == 0
