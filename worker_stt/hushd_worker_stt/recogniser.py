"""An engine made ready for any audio: what a file's piece and a live utterance go through on their way to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .audio.level import normalise, trim
from .engine import RATE, Engine, Options, Segment
from .engine_lock import EngineLock
from .segmentation.phrases import at_pauses

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from .segmentation.pieces import Piece


class Recogniser:
    """Levels speech and hands it to the engine, one piece at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._turns = EngineLock()

    def hear(self, job: Job, piece: Piece, options: Options, pad_s: float, *, live: bool = False) -> list[Segment]:
        """What is said in `piece`, with times of the whole recording.

        Where the engine takes the piece for one segment, it is parted at the pauses that `piece.speech` tells of.

        Args:
            pad_s: of quiet kept at either end, live.
            live: it is being said now: it goes before files.
        """
        offset, samples = 0, normalise(piece.samples)
        if live:
            offset, samples = trim(samples, round(pad_s * RATE))
        with self._turns.taken(job.check, live=live):
            job.check()
            self.engine.economy, self.engine.degraded, self.engine.check = job.economy, False, job.check
            segments = list(self.engine.transcribe(samples, options))
            job.degraded = job.degraded or self.engine.degraded
        segments = [shifted(segment, piece.start + offset / RATE) for segment in segments]
        if len(segments) == 1 and piece.speech:
            return at_pauses(segments[0], piece.speech)
        return segments

    def language(self, job: Job, piece: Piece, *, live: bool = False) -> str | None:
        """What `piece` is spoken in, where the engine can tell."""
        with self._turns.taken(job.check, live=live):
            self.engine.check = job.check
            return self.engine.detect_language(normalise(piece.samples))


def shifted(segment: Segment, by: float) -> Segment:
    """`segment`, `by` seconds later."""
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=segment.start + by, end=segment.end + by, words=words)
