"""Reads speech by the engine; if memory runs out, again in shorter parts and with less memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import replace
from hushd_worker.errors import NoMemory, out_of_memory

from .engine import RATE, Engine, Options, PieceLength, Segment
from .segmentation.pieces import quiet_place

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from .engine import Samples


def read(engine: Engine, job: Job, samples: Samples, options: Options) -> list[Segment]:
    """Returns the segments of `samples`. If a card's or the machine's memory is not enough, `job` goes on with economy.

    Raises:
        NoMemory: memory was not enough for that either. Fragmented memory is only returned by the process's end.
    """
    economical = job.economy
    try:
        return _read(engine, job, samples, options)
    except Exception as error:
        if not out_of_memory(error):
            raise
        print(f"Memory ran out in {len(samples) / RATE:.1f} s of speech: {str(error)[:500]}", file=sys.stderr)
    # From here on the error is gone, and so are the arrays that its traceback held.
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
