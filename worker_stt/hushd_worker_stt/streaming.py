"""A job's stream of the engine: it levels audio, and holds the engine for each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hushd_worker.errors import NoMemory, out_of_memory

from .audio.level import StreamGain
from .engine import EngineStream, Hypothesis, Segment
from .loops import LOOPED, is_loop, without_loops

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from .batching.reader import Reader
    from .engine import Options, Samples


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
