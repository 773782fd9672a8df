"""An engine made ready for any audio: every piece of a recording and every live utterance goes through it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .audio.level import normalise, trim
from .engine import RATE, Engine, ModelInfo, Options, PieceLength, Segment
from .engine_lock import EngineLock
from .segmentation.phrases import at_pauses

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from .request import Request
    from .segmentation.pieces import Piece


class Recogniser:
    """Levels speech and hands it to the engine, one piece at a time."""

    def __init__(self, engine: Engine, model: ModelInfo) -> None:
        self.engine = engine
        self._languages = model.languages
        self._lock = EngineLock()

    def transcribe(
        self, job: Job, piece: Piece, options: Options, pad_s: float, *, live: bool = False
    ) -> list[Segment]:
        """The segments of `piece`, with times of the whole recording.

        Where the engine returns one segment for the piece, it is split at the pauses in `piece.speech`.

        Args:
            pad_s: quiet kept at either end, live.
            live: the piece is being spoken now: it goes before files.
        """
        offset, samples = 0, normalise(piece.samples, self.engine.LEVEL)
        if live:
            offset, samples = trim(samples, round(pad_s * RATE))
        with self._lock.held(job.check, live=live):
            job.check()
            self.engine.economy, self.engine.degraded, self.engine.check = job.economy, False, job.check
            segments = list(self.engine.transcribe(samples, options))
            job.degraded = job.degraded or self.engine.degraded
        segments = [shifted(segment, piece.start + offset / RATE) for segment in segments]
        if len(segments) == 1 and piece.speech:
            return at_pauses(segments[0], piece.speech)
        return segments

    def detect_language(self, job: Job, piece: Piece, *, live: bool = False) -> str | None:
        """The language spoken in `piece`, where the engine can tell."""
        with self._lock.held(job.check, live=live):
            self.engine.check = job.check
            return self.engine.detect_language(normalise(piece.samples, self.engine.LEVEL))

    def with_language(self, job: Job, options: Options, piece: Piece, *, live: bool = False) -> Options:
        """`options` with the language detected in `piece`, where none is given and the model knows several."""
        if options.language is not None or len(self._languages) < 2:
            return options
        return replace(options, language=self.detect_language(job, piece, live=live))

    def spoken(self, options: Options) -> str:
        """The language of a result: the one asked for or detected, else the model's only one; empty if unknown."""
        return options.language or (self._languages[0] if len(self._languages) == 1 else "")

    def piece_length(self, request: Request, *, economy: bool) -> PieceLength:
        """How long pieces are: shorter where memory is short, or where the request limits them."""
        engine = self.engine
        length = (engine.PIECE_ECONOMY if economy else None) or engine.PIECE
        if not 0 < request.max_segment_s < length.longest:
            return length
        return PieceLength(min(length.shortest, request.max_segment_s / 2), request.max_segment_s)


def shifted(segment: Segment, by: float) -> Segment:
    """`segment`, `by` seconds later."""
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=segment.start + by, end=segment.end + by, words=words)
