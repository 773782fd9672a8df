"""Passes pieces of speech from all jobs to the engine: one at a time, all waiting ones at once, or a job's stream.

Live speech goes first, and never into a batch with files: it would wait for minutes of their speech. The best number of
pieces per batch is measured at work: it is doubled as long as that is faster. On a graphics card it is, up to the
limit; on a CPU with few cores it usually is not, so that after three batches of two pieces it becomes one permanently.
An engine that reads each piece on a core of its own gets the next one when a core is free. If memory runs out, speech
is read again in shorter parts and with less memory."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from hushd_worker.errors import NoMemory, fatal, out_of_memory
from hushd_worker.job import Cancelled

from .audio.level import StreamGain
from .engine import RATE, Engine, EngineStream, Hypothesis, Options, PieceLength, Samples, Segment
from .engine_lock import EngineLock
from .segmentation.pieces import quiet_place
from .wording import LOOPED, is_loop, without_loops

if TYPE_CHECKING:
    from hushd_worker.job import Job


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
        self._lock = EngineLock(engine.parallel)
        self._waiting: list[_Entry] = []
        self._guard = threading.Lock()

    def read(self, job: Job, pieces: Sequence[Samples], options: Options, *, live: bool = False) -> list[list[Segment]]:
        """Returns the segments of each of a job's `pieces`. Raises Cancelled, during the wait or in the engine."""
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


_TRIES = 3  # batches of each size before it is judged
_MIN_SPEEDUP = 1.1  # gain in speech per second: less is chance, and larger batches delay the first text


class BatchSize:
    """The size of the next batch.
    `cautious`: whether the slowest batch of a size must be faster than the fastest one of the size before. On a CPU
    other programs make any batch slow or fast, and the gain is small at best."""

    def __init__(self, limit: int, start: int = 1, *, cautious: bool = True) -> None:
        self.now = min(start, limit)
        self._limit = limit
        self._cautious = cautious
        self._settled = limit < 2 * self.now
        self._last_speed = 0.0  # seconds of speech per second, with the size before
        self._batches = 0
        self._speeds: list[float] = []  # the speeds with this size

    def learn(self, count: int, seconds: float, took: float) -> None:
        """Records that `count` pieces with `seconds` of speech took `took` seconds."""
        if self._settled or count != self.now:
            return
        self._batches += 1
        if self._batches == 1:
            return  # the first batch of a size includes the runtime's preparation for it
        self._speeds.append(seconds / max(took, 1e-9))
        if self._batches == _TRIES:
            self._judge()

    def shrink(self) -> None:
        """Reduces the size permanently, because memory was not enough for a batch of this size."""
        self.now = max(1, self.now // 2)
        self._settled = True

    def _judge(self) -> None:
        pays = (min if self._cautious else max)(self._speeds) >= _MIN_SPEEDUP * self._last_speed
        if not pays:
            self.now //= 2
        self._settled = not pays or 2 * self.now > self._limit
        self._batches, self._last_speed, self._speeds = 0, max(self._speeds), []
        if not self._settled:
            self.now *= 2


def read(engine: Engine, job: Job, samples: Samples, options: Options) -> list[Segment]:
    """Returns the segments of `samples`. If a card's or the machine's memory is not enough, `job` goes on with economy.
    Raises NoMemory if that is not enough either: fragmented memory is only returned by the process's end."""
    economical = job.economy
    try:
        return _read(engine, job, samples, options)
    except Exception as error:
        if not out_of_memory(error):
            raise
        print(f"Memory ran out in {len(samples) / RATE:.1f} s of speech: {str(error)[:500]}", file=sys.stderr)
    # The error is gone here, and so are the arrays that its traceback held.
    job.economy = job.degraded = True
    try:
        return _read(engine, job, samples, options, halved=economical)
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise NoMemory("There was not enough memory for this request, not even in shorter pieces.") from error


def shifted(segment: Segment, by: float) -> Segment:
    """Returns `segment`, `by` seconds later."""
    words = tuple(replace(word, start=max(0.0, word.start + by), end=max(0.0, word.end + by)) for word in segment.words)
    return replace(segment, start=max(0.0, segment.start + by), end=max(0.0, segment.end + by), words=words)


def _read(engine: Engine, job: Job, samples: Samples, options: Options, halved: bool = False) -> list[Segment]:
    engine.economy, engine.degraded, engine.check = job.economy, False, job.check
    length = engine.PIECE_ECONOMY if job.economy else None
    if length and halved:
        length = PieceLength(length.shortest / 2, length.longest / 2)
    segments = [
        shifted(segment, start / RATE)
        for start, part in _parts(samples, length)
        for segment in engine.transcribe(part, options)
    ]
    job.degraded = job.degraded or engine.degraded
    return segments


def _parts(samples: Samples, length: PieceLength | None) -> Iterator[tuple[int, Samples]]:
    """Yields `samples` in parts no longer than `length`, each with its first sample's number."""
    start = 0
    while length and len(samples) - start > length.longest * RATE:
        part = samples[start : start + int(length.longest * RATE)]
        end = quiet_place(part, int(length.shortest * RATE))
        yield start, part[:end]
        start += end
    yield start, samples[start:]


class JobStream(EngineStream):
    """A stream for one job.

    Raises, in each of its calls except `cancel`:
        Cancelled: the client has gone.
        NoMemory: memory is not enough for the stream.
    """

    def __init__(self, reader: Reader, job: Job, options: Options) -> None:
        self._reader = reader
        self._job = job
        self._gain = StreamGain(reader.engine.LEVEL)
        with self._engine():
            self._stream = reader.engine.begin(options)

    def feed(self, samples: Samples) -> Hypothesis:
        with self._engine():
            return self._stream.feed(self._gain.apply(samples))

    def finish(self) -> list[Segment]:
        with self._engine():
            segments = self._stream.finish()
        self.language = self._stream.language
        if is_loop(segments):
            self._job.warn("unlikely_text", LOOPED)
        return without_loops(segments)

    def cancel(self) -> None:
        self._stream.cancel()

    @contextmanager
    def _engine(self) -> Iterator[None]:
        """Holds the engine for one call."""
        engine = self._reader.engine
        with self._reader.alone(self._job, live=True):
            engine.economy, engine.degraded, engine.check = self._job.economy, False, self._job.check
            try:
                yield
            except Exception as error:
                if out_of_memory(error):
                    raise NoMemory("There was not enough memory for this session.") from error
                raise
            self._job.degraded = self._job.degraded or engine.degraded
