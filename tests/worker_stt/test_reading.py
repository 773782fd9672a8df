"""Memory that runs out while an engine reads speech: shorter parts first, then an end of the process."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hushd_schema.engines import EngineSpec
from hushd_worker.errors import NoMemory
from hushd_worker.job import Job
from hushd_worker_stt.engine import RATE, Engine, Options, PieceLength, Segment
from hushd_worker_stt.reader import read
from support.stt_jobs import EngineAtOnce, make_job

FULL = "CUDA out of memory. Tried to allocate 20.00 MiB."


class Small(EngineAtOnce):
    """Has memory for `room` seconds at once; names each part by the tone, one for each second, that it begins with."""

    SPEC = EngineSpec("small", "stt", "")
    PIECE_ECONOMY: PieceLength | None = PieceLength(2.0, 4.0)

    def __init__(self, room: float, message: str = FULL) -> None:
        self.room = room
        self.message = message
        self.calls: list[tuple[float, bool]] = []

    def transcribe(self, samples: np.ndarray, options: Options) -> Iterable[Segment]:
        seconds = len(samples) / RATE
        self.calls.append((round(seconds, 1), self.economy))
        if seconds > self.room:
            raise RuntimeError(self.message)
        for second in range(int(seconds + 0.5)):
            yield Segment(second, second + 1.0, str(round(float(samples[second * RATE + RATE // 2]) * 10)))


def count(seconds: int) -> np.ndarray:
    """Speech of which each second has a level of its own, after 0.4 s of quiet."""
    levels = [np.r_[np.zeros(6400), np.full(RATE - 6400, (number + 1) / 10)] for number in range(seconds)]
    return np.concatenate(levels).astype(np.float32)


def attempt(engine: Engine, economy: bool = False, seconds: int = 8) -> tuple[Job, list[Segment]]:
    job, _ = make_job(b"", economy=economy)
    return job, read(engine, job, count(seconds), Options())


def test_memory_that_suffices_changes_nothing() -> None:
    """One call, no economy, nothing degraded."""
    engine = Small(room=60)
    job, segments = attempt(engine)
    assert engine.calls == [(8.0, False)]
    assert [segment.text for segment in segments] == list("12345678")
    assert not job.degraded


@pytest.mark.parametrize("message", [FULL, "std::bad_alloc"])
def test_memory_that_runs_out_means_shorter_parts(message: str) -> None:
    """A piece that does not fit is read in shorter parts with less effort, cut in quiet, with times of the whole; the
    result says so, and the job's later pieces are not tried whole again."""
    engine = Small(room=4, message=message)
    job, segments = attempt(engine)
    assert [segment.text for segment in segments] == list("12345678")
    assert [round(segment.start) for segment in segments] == list(range(8))
    assert engine.calls[0] == (8.0, False)
    assert all(seconds <= 4 and economy for seconds, economy in engine.calls[1:])
    assert job.degraded
    assert job.economy


def test_memory_that_is_not_enough_for_the_shortest_ends_the_process() -> None:
    """The second failure is fatal: a new process begins with memory in one piece."""
    with pytest.raises(NoMemory, match="not even in shorter pieces"):
        attempt(Small(room=1))
