"""Adapts an engine to any audio: every piece of a recording and every live utterance goes through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from hushd_models import languages
from hushd_worker import usage

from .audio.level import normalise, normalised, quiet, trim
from .engine import RATE, DetectedLanguage, Engine, Model, Options, PieceLength, Segment
from .plausibility import invented
from .reader import JobStream, Reader, shifted
from .wording import HURRIED, LOOPED, at_pauses, beside_pauses, heard, is_hurried, is_loop, without_loops

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from .engine import Rating, Samples, Scoring
    from .own_words import Score
    from .request import Request
    from .segmentation.pieces import Piece


_BESIDE_SEGMENT_S = 0.2  # seconds of audio that are scored beside a segment: its times are the model's guess
_ENGLISH = "en"
_ASSUMED = (
    "The model cannot tell languages, and read this as {}: name the language that is spoken, as in `--language {}`."
)
_SILENCE_BEFORE_RETRY_S = 0.35  # seconds of silence before a second try of a piece, which changes the decoding


class Scorer:
    """Scores texts of the segments of one job. What the engine takes for that goes with it."""

    def __init__(self, recogniser: Recogniser, job: Job, *, live: bool = False) -> None:
        self._recogniser = recogniser
        self._job = job
        self._live = live
        self._scorings: dict[str, Scoring | None] = {}

    def of(self, piece: Piece, segment: Segment, language: str) -> Score:
        """Returns what scores texts of a segment of `piece`; it returns none if the engine cannot."""
        spoken = language.partition("-")[0]

        def score(texts: Sequence[str]) -> list[float]:
            if spoken not in self._scorings:
                self._scorings[spoken] = self._recogniser.engine.scoring(spoken)
            if (scoring := self._scorings[spoken]) is None:
                return []
            samples = self._recogniser.levelled(piece)
            start, end = (round((at - piece.start) * RATE) for at in (segment.start, segment.end))
            beside = round(_BESIDE_SEGMENT_S * RATE)
            with self._recogniser.alone(self._job, live=self._live):
                return scoring(samples[max(0, start - beside) : end + beside], texts)

        return score


class Recogniser:
    """Levels speech and passes it to the engine."""

    def __init__(self, engine: Engine, model: Model) -> None:
        self.engine = engine
        self._languages = model.languages
        self._reader = Reader(engine)

    @property
    def most_at_once(self) -> int:
        return max(self.engine.parallel, self.engine.batch)

    @property
    def at_once(self) -> int:
        """Returns the best number of pieces for the engine to have now; one where memory is scarce."""
        best = max(self.engine.parallel, self._reader.size.now)
        return 1 if best > 1 and self.engine.compute_device == "cpu" and usage.scarce() else best

    def transcribe(
        self, job: Job, piece: Piece, options: Options, pad_s: float = 0.0, *, live: bool = False
    ) -> list[Segment]:
        """Returns the segments of `piece`, with times in the whole recording; no word lasts through a pause.

        If the engine returns one segment for the piece, it is split at the pauses in `piece.speech`.

        Args:
            pad_s: the seconds of quiet kept at either end of live speech.
            live: whether the piece is live speech, which goes before files.
        """
        offset, samples = 0, self.levelled(piece)
        if live:
            offset, samples = trim(samples, round(pad_s * RATE))
        if piece.speech:
            options = replace(options, speech_end_s=piece.speech[-1][1] - piece.start - offset / RATE)
        (segments,) = self._reader.read(job, [samples], options, live=live)
        segments = self._placed(piece, offset, self._without_loops(job, samples, options, segments, live))
        unlikely = not options.named and invented(segments, samples, alone=self.knows_one)
        return [replace(segment, unlikely=unlikely) for segment in segments]

    @property
    def feed_s(self) -> float:
        """Returns the best seconds per feed of the model's streams; 0 if it has none."""
        return self.engine.feed_s

    @contextmanager
    def alone(self, job: Job, *, live: bool) -> Iterator[None]:
        """Holds the engine for other work for a job than reading."""
        with self._reader.alone(job, live=live):
            self.engine.check = job.check
            yield

    def begin(self, job: Job, options: Options) -> JobStream:
        """Opens a stream for live speech."""
        return JobStream(self._reader, job, options)

    def levelled(self, piece: Piece) -> Samples:
        """Returns the samples of `piece` at a good level for the engine."""
        first = piece.start
        spans = [(round((start - first) * RATE), round((end - first) * RATE)) for start, end in piece.speech]
        return normalised(piece.samples, spans, self.engine.LEVEL)

    def _placed(self, piece: Piece, offset: int, segments: list[Segment]) -> list[Segment]:
        """Returns `segments` of a piece's samples from `offset` on, with times in the whole recording."""
        spoken_s = sum(end - start for start, end in piece.speech)
        segments = heard(segments, piece.certainty, spoken_s, self.engine.HABITS)
        segments = [shifted(segment, piece.start + offset / RATE) for segment in segments]
        if len(segments) == 1:
            segments = at_pauses(segments[0], piece.speech)
        if not any(segment.words for segment in segments):  # a draft never has words
            return segments
        pauses = [(end, start) for (_, end), (start, _) in pairwise(piece.speech)]
        pauses += [(piece.start + start, piece.start + end) for start, end in quiet(piece.samples)]
        return [beside_pauses(segment, sorted(pauses)) for segment in segments]

    def _without_loops(
        self, job: Job, samples: Samples, options: Options, segments: list[Segment], live: bool = False
    ) -> list[Segment]:
        """Returns `segments`, or if the decoder looped in them, or wrote more than anybody can say, those of a second
        try, with its loops reduced to one round."""
        length_s = len(samples) / RATE
        if not (is_loop(segments) or is_hurried(_text(segments), length_s)):
            return segments
        lead = np.zeros(round(_SILENCE_BEFORE_RETRY_S * RATE), np.float32)
        options = replace(options, speech_end_s=None)
        (again,) = self._reader.read(job, [np.concatenate((lead, samples))], options, live=live)
        segments = [shifted(segment, -_SILENCE_BEFORE_RETRY_S) for segment in again]
        if is_loop(segments):
            job.warn("unlikely_text", LOOPED)
        elif is_hurried(_text(segments), length_s):
            job.warn("unlikely_text", HURRIED)
        return without_loops(segments)

    @property
    def knows_one(self) -> bool:
        """True if the model knows a single language."""
        return len(self._languages) == 1

    @property
    def only_language(self) -> str:
        """Returns the model's only language, if second readings are cheap."""
        alone = self.engine.SPEC.streaming and self.knows_one and self._languages[0] != "und"
        return self._languages[0] if alone else ""

    def for_readings(self, piece: Piece, pad_s: float) -> Samples:
        """Returns the speech of a live `piece`, as `transcribe` passes it to the engine, for more readings."""
        return trim(self.levelled(piece), round(pad_s * RATE))[1]

    def second_reading(self, job: Job, samples: Samples, options: Options) -> str:
        """Returns a second text of `samples`, for a comparison with the first."""
        (segments,) = self._reader.read(job, [normalise(samples)], options)
        return _text(segments)

    def rating(self) -> Rating | None:
        """Returns `Engine.rating` for samples at any level."""
        rate = self.engine.rating()
        return rate and (lambda samples: rate(normalise(samples)))

    def detect_language(
        self, job: Job, piece: Piece, own: Sequence[str] = (), *, live: bool = False
    ) -> DetectedLanguage | None:
        """Returns the language that a user with `own` languages speaks in `piece`, if the model knows several, and
        can tell.

        A model that has to be told is told the first of `own` that it knows, or else English, with a warning where
        several are possible.
        """
        if len(self._languages) < 2:
            return None
        with self.alone(job, live=live):
            samples = self.levelled(piece)
            if detected := self.engine.detect_language(samples):
                spoken_s = sum(end - start for start, end in piece.speech) or len(piece.samples) / RATE
                return detected.of_user(own, spoken_s)
        return self._assumed(job, own) if self.engine.needs_language else None

    def _assumed(self, job: Job, own: Sequence[str]) -> DetectedLanguage:
        spoken = list(dict.fromkeys(filter(None, (languages.find(each, self._languages) for each in own))))
        assumed, *others = spoken or (languages.find(_ENGLISH, self._languages) or self._languages[0],)
        if others or not spoken:
            other = next(iter(others), None) or next(each for each in self._languages if each != assumed)
            name = languages.name(languages.code(assumed))
            job.warn("language_unknown", _ASSUMED.format(name, languages.code(other)))
        return DetectedLanguage(assumed)

    def spoken(self, options: Options) -> str:
        """Returns the language of a result: the requested or detected one, or else the model's only one; empty if
        unknown."""
        return options.language or (self._languages[0] if self.knows_one else "")

    def piece_length(self, request: Request, *, economy: bool) -> PieceLength:
        """Returns the length of pieces: shorter if memory is short, or the request limits it."""
        engine = self.engine
        length = (engine.PIECE_ECONOMY if economy else None) or engine.PIECE
        if not 0 < request.max_segment_s < length.longest:
            return length
        return PieceLength(min(length.shortest, request.max_segment_s / 2), request.max_segment_s)


def _text(segments: Sequence[Segment]) -> str:
    return " ".join(segment.text for segment in segments)
