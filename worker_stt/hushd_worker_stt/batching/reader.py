"""Pieces of speech from all jobs on their way to the engine: one at a time, or those that wait together at once.

Live speech goes first, and never into a batch with files: it would wait for minutes of their speech.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hushd_worker.job import Cancelled
from hushd_worker.job_error import fatal, out_of_memory

from hushd_worker_stt.engine import RATE, Engine, Options, Segment
from hushd_worker_stt.engine_lock import EngineLock
from hushd_worker_stt.reading import read

from .batch_size import BatchSize

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from hushd_worker_stt.engine import Samples


_ON_CARD = 4  # pieces in the first batches: on a card they take little longer than one


@dataclass(eq=False)
class _Entry:
    """A piece of a job, and what came of it."""

    job: Job
    samples: Samples
    options: Options
    live: bool
    segments: list[Segment] | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.segments is not None or self.error is not None

    def read(self, engine: Engine) -> None:
        try:
            self.segments = read(engine, self.job, self.samples, self.options)
        except BaseException as error:
            self.error = error

    def result(self) -> list[Segment]:
        if self.error is not None:
            raise self.error
        assert self.segments is not None
        return self.segments


class Reader:
    """The engine, for all jobs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        on_cpu = engine.compute_device == "cpu"
        self.size = BatchSize(engine.batch, 1 if on_cpu else _ON_CARD, cautious=on_cpu)
        self._lock = EngineLock()
        self._waiting: list[_Entry] = []
        self._guard = threading.Lock()

    def read(self, job: Job, pieces: Sequence[Samples], options: Options, *, live: bool = False) -> list[list[Segment]]:
        """The segments of each of a job's `pieces`.

        Raises:
            Cancelled: while they wait, or in the engine.
        """
        mine = [_Entry(job, samples, options, live) for samples in pieces]
        with self._guard:
            self._waiting += mine
        try:
            while not all(entry.done for entry in mine):
                with self._lock.held(job.check, live=live, until=lambda: all(entry.done for entry in mine)) as held:
                    if held:
                        job.check()
                        self._read(self._batch(mine))
        finally:
            with self._guard:
                self._waiting = [entry for entry in self._waiting if entry not in mine]
        return [entry.result() for entry in mine]

    def alone(self, job: Job, *, live: bool) -> AbstractContextManager[bool]:
        """Holds the engine for something else than reading."""
        return self._lock.held(job.check, live=live)

    def _batch(self, mine: list[_Entry]) -> list[_Entry]:
        """The entries to read next: those of the job whose turn it is, and others that go along."""
        first, *more = [entry for entry in mine if not entry.done]
        with self._guard:
            others = [entry for entry in self._waiting if entry not in mine and entry.live == first.live]
        if first.job.economy:  # with less effort: alone
            return [first]
        return [first, *(e for e in (*more, *others) if not (e.done or e.job.economy))][: self.size.now]

    def _read(self, batch: list[_Entry]) -> None:
        began = time.monotonic()
        if len(batch) == 1 or not self._read_together(batch):
            for entry in batch:
                entry.read(self.engine)
        if not batch[0].live:
            self.size.learn(len(batch), sum(len(e.samples) for e in batch) / RATE, time.monotonic() - began)

    def _read_together(self, batch: list[_Entry]) -> bool:
        """Reads all of a batch; False where each is to be read alone: one of them failed, or memory ran out."""
        engine = self.engine
        engine.economy = engine.degraded = False
        engine.check = _all_cancelled([entry.job for entry in batch])
        try:
            found = engine.transcribe_batch([e.samples for e in batch], [e.options for e in batch])
        except Exception as error:
            if out_of_memory(error):
                self.size.shrink()
            elif isinstance(error, Cancelled) or fatal(error):
                for entry in batch:
                    entry.error = error
            return all(entry.done for entry in batch)
        for entry, segments in zip(batch, found, strict=True):
            entry.segments = segments
        return True


def _all_cancelled(jobs: list[Job]) -> Callable[[], None]:
    """A check that raises once nobody is left who wants the batch."""

    def check() -> None:
        for job in jobs:
            if not job.cancelled:
                return
        raise Cancelled

    return check
