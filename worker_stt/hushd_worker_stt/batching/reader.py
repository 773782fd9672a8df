"""Passes pieces of speech from all jobs to the engine: one at a time, or all waiting ones at once.

Live speech goes first, and never into a batch with files: it would wait for minutes of their speech.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass
from hushd_worker.errors import fatal, out_of_memory
from hushd_worker.job import Cancelled

from hushd_worker_stt.engine import RATE, Engine, Options, Segment
from hushd_worker_stt.engine_lock import EngineLock
from hushd_worker_stt.reading import read

from .batch_size import BatchSize

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from hushd_worker_stt.engine import Samples


_ON_CARD = 4  # pieces in the first batches; on a card they take little longer than one piece


@dataclass(eq=False)
class _Entry:
    """A piece of a job, and its result."""

    job: Job
    samples: Samples
    options: Options
    live: bool
    alone: bool = False  # whether it was in a batch that failed
    segments: list[Segment] | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.segments is not None or self.error is not None

    @property
    def goes_alone(self) -> bool:
        return self.alone or self.job.economy  # economy: with less memory than others

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
    """Reads the pieces of all jobs by the engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        on_cpu = engine.compute_device == "cpu"
        self.size = BatchSize(engine.batch, 1 if on_cpu else _ON_CARD, cautious=on_cpu)
        self._lock = EngineLock()
        self._waiting: list[_Entry] = []
        self._guard = threading.Lock()

    def read(self, job: Job, pieces: Sequence[Samples], options: Options, *, live: bool = False) -> list[list[Segment]]:
        """Returns the segments of each of a job's `pieces`.

        Raises:
            Cancelled: during the wait, or in the engine.
        """
        mine = [_Entry(job, samples, options, live) for samples in pieces]
        with self._guard:
            self._waiting += mine
        try:
            while not all(entry.done for entry in mine):
                with self._lock.held(
                    job.check, live=live, client=job.client, until=lambda: all(entry.done for entry in mine)
                ) as held:
                    if held:
                        job.check()
                        self._read(self._batch(mine))
        finally:
            with self._guard:
                self._waiting = [entry for entry in self._waiting if entry not in mine]
        return [entry.result() for entry in mine]

    def alone(self, job: Job, *, live: bool) -> AbstractContextManager[bool]:
        """Holds the engine for work other than reading."""
        return self._lock.held(job.check, live=live, client=job.client)

    def _batch(self, mine: list[_Entry]) -> list[_Entry]:
        """Returns the entries to read next: those of the job whose turn it is, and others that can join them."""
        first, *more = [entry for entry in mine if not entry.done]
        if first.goes_alone:
            return [first]
        with self._guard:
            others = [e for e in self._waiting if e not in mine and e.live == first.live and not e.job.cancelled]
        return [first, *(e for e in (*more, *others) if not (e.done or e.goes_alone))][: self.size.now]

    def _read(self, batch: list[_Entry]) -> None:
        began = time.monotonic()
        if len(batch) == 1:
            batch[0].read(self.engine)
        else:
            self._read_together(batch)
        if not batch[0].live and all(entry.segments is not None for entry in batch):
            self.size.learn(len(batch), sum(len(e.samples) for e in batch) / RATE, time.monotonic() - began)

    def _read_together(self, batch: list[_Entry]) -> None:
        """Reads a whole batch. If one piece fails, each is read separately, when its job's turn comes."""
        engine = self.engine
        engine.economy = engine.degraded = False
        engine.check = partial(_check, [entry.job for entry in batch])
        try:
            readings = engine.transcribe_batch([e.samples for e in batch], [e.options for e in batch])
        except Cancelled as error:
            # A cancelled job must end soon; the batch's other pieces begin again.
            for entry in batch:
                entry.error = error if entry.job.cancelled else None
        except Exception as error:
            short = out_of_memory(error)
            if short:
                self.size.shrink()
            for entry in batch:
                entry.alone, entry.error = True, error if fatal(error) and not short else None
        else:
            for entry, segments in zip(batch, readings, strict=True):
                entry.segments = segments


def _check(jobs: list[Job]) -> None:
    """Raises Cancelled once one of `jobs` was cancelled."""
    for job in jobs:
        job.check()
