"""Cases of every engine at work: one job after another, cancelled jobs, and leftovers in the process."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from hushd_protocol.system.footprint import cores, trim
from hushd_worker.usage import PrivateMemory

from .case import Case, LeftOut
from .trial import Trial

_JOBS = 20
_GROWTH = 24_000_000  # bytes by which 15 jobs may make a process grow, since allocators round
_BOUND_S = 2.0  # after which the supervisor ends a worker that does not stop a cancelled job


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of work."""
    yield Case("jobs.same", "Two jobs in a row have the same result.", _same)
    yield Case("jobs.other-thread", "A job from another thread has the same result.", _thread)
    yield Case("jobs.after-error", "A job after a refused one has the same result.", _after_error)
    yield Case("jobs.unknown", "An operation of the other role is refused in a sentence.", _unknown)
    yield Case("jobs.memory", f"{_JOBS} jobs leave the process as large as five.", _memory)
    yield Case("jobs.descriptors", "Jobs leave no open files behind.", partial(_left, _descriptors, "open files"))
    yield Case("jobs.threads", "Jobs leave no threads behind.", partial(_left, _threads, "threads"))
    yield Case("jobs.children", "Jobs leave no processes behind.", partial(_left, _children, "processes"))
    yield Case("cancel.before", "A job that was cancelled before it began does nothing.", _cancel_before)
    yield Case("cancel.first", "A job that is cancelled at its first message ends in time.", partial(_cancelled, 1))
    yield Case("cancel.later", "A job that is cancelled at a later message ends in time.", partial(_cancelled, 3))
    yield Case("cancel.midway", "A job that is cancelled while the engine works ends in time.", _midway)
    yield Case("cancel.then-same", "A job after a cancelled one has the same result.", _after_cancel)


def _same(trial: Trial) -> Iterator[str]:
    first, second = trial.work(), trial.work()
    yield from first.faults("the first")
    yield from second.faults("the second")
    if trial.gist(first) != trial.gist(second):
        yield f"they differ: {trial.gist(first)!r:.200} and {trial.gist(second)!r:.200}"


def _thread(trial: Trial) -> Iterator[str]:
    gists: list[object] = []
    thread = threading.Thread(target=lambda: gists.append(trial.gist(trial.work())))
    here = trial.gist(trial.work())
    thread.start()
    thread.join()
    if gists != [here]:
        yield f"they differ: {here!r:.200} and {gists!r:.200}"


def _after_error(trial: Trial) -> Iterator[str]:
    before = trial.gist(trial.work())
    refused = trial.ask(trial.op, b"", {"language": 3, "rate": "x"})
    if refused.error is None:
        yield "wrong parameters are not refused"
    yield from refused.faults("wrong parameters", may_refuse=True)
    if (after := trial.gist(trial.work())) != before:
        yield f"they differ: {before!r:.200} and {after!r:.200}"


def _unknown(trial: Trial) -> Iterator[str]:
    answer = trial.ask("dance", b"")
    if answer.error is None or answer.error.code != "unsupported":
        yield f"the answer to the operation is {answer.error or answer.result!r}"
    yield from answer.faults("the operation", may_refuse=True)


def _memory(trial: Trial) -> Iterator[str]:
    for _ in range(5):
        yield from trial.work().faults("a job")
    before = private_bytes()
    for _ in range(_JOBS - 5):
        yield from trial.work().faults("a job")
    if (grown := private_bytes() - before) > _GROWTH:
        yield f"{_JOBS - 5} more jobs made it grow by {grown / 1e6:.0f} MB"


def private_bytes() -> int:
    """Returns the private memory of this process, after returning all that can be returned."""
    gc.collect()
    trim()
    memory = PrivateMemory()
    memory.look()
    return memory.now


def _left(count: Callable[[], int], what: str, trial: Trial) -> Iterator[str]:
    for _ in range(2):
        yield from trial.work().faults("a job")
    gc.collect()
    before = count()
    for _ in range(6):
        yield from trial.work().faults("a job")
    gc.collect()
    if (after := count()) > before:
        yield f"there were {before} {what}, but after six jobs {after}"


def _descriptors() -> int:
    for place in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(place):
            return len(os.listdir(place))
    raise LeftOut("open files cannot be counted here")


def _threads() -> int:
    if not os.path.isdir("/proc/self/task"):
        return threading.active_count()
    return len(os.listdir("/proc/self/task"))


def _children() -> int:
    import psutil

    return len(psutil.Process().children(recursive=True))


def _cancel_before(trial: Trial) -> Iterator[str]:
    answer = trial.long_work(lambda number: True)
    yield from answer.faults("the job")
    if not answer.cancelled:
        yield "it is done anyway"
    if answer.chunks or answer.partials:
        yield "it produces output"


def _cancelled(message: int, trial: Trial) -> Iterator[str]:
    yield from _in_time(trial, lambda number: number >= message)


def _midway(trial: Trial) -> Iterator[str]:
    begun = time.process_time()
    yield from trial.long_work(lambda number: False).faults("the whole")
    half = (time.process_time() - begun) / 2
    start = time.process_time()
    yield from _in_time(trial, lambda number: number > 0 and time.process_time() >= start + half)


def _in_time(trial: Trial, cancel: Callable[[int], bool]) -> Iterator[str]:
    """Yields a fault if a cancelled job takes more CPU time than the supervisor would wait."""
    ordered = 0.0

    def once(number: int) -> bool:
        nonlocal ordered
        if not ordered and cancel(number):
            ordered = time.process_time()
        return bool(ordered)

    answer = trial.long_work(once)
    used = time.process_time() - ordered if ordered else 0.0
    yield from answer.faults("the job")
    if used > _BOUND_S * cores():
        yield f"it takes {used:.1f} s of CPU time after the client has left"


def _after_cancel(trial: Trial) -> Iterator[str]:
    before = trial.gist(trial.work())
    for message in (1, 2, 4):
        trial.long_work(lambda number, last=message: number >= last)  # type: ignore[misc]
        if (after := trial.gist(trial.work())) != before:
            yield f"they differ after a cancel at message {message}: {before!r:.200} and {after!r:.200}"
