"""Transcribes a recording: finds its speech, transcribes it piece by piece, and sends it segment by segment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import cache, partial
from heapq import heappop, heappush, merge
from typing import TYPE_CHECKING

from hushd_schema.results import SpeakerVoice, TranscriptResult
from hushd_worker.job import Job
from msgspec import structs

from . import partials
from .audio.channels import Channels, without_echo
from .audio.prefetch import prefetch
from .by_language import Detect, WithoutText, read
from .diarization.diarize import Diarizer, by_speaker
from .diarization.turns import KnownPeople, voiceprint
from .engine import RATE, DetectedLanguage, Options, Samples, Segment
from .plausibility import Plausibility, UnlikelyText, is_clipped
from .recogniser import Recogniser, Scorer
from .request import Context
from .segmentation.endpoint import FRAME
from .segmentation.pieces import Cutter, Piece, clipped, pieces
from .segmentation.vad import Detector
from .wording import going_on

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from .ahead import Readings
    from .diarization.models import DiarizationModels
    from .diarization.turns import Voice
    from .request import Request

CHANNELS = ("LEFT", "RIGHT")  # their names
_PROGRESS_S = 10.0  # seconds of audio read between two progress messages
# Frames, 10.24 s, before `start_s` for the detector, so that it judges as in the whole recording.
_FRAMES_BEFORE_START = 320
# Seconds that pass for a second of sound, at least, as somebody speaks. What comes faster is a recording, in whose
# pauses nothing is read: beginnings, read again with what follows, took an eighth of the computing for 43 s of French.
_AS_SPOKEN = 0.2
_UNSURE_SPEAKERS = "Memory is short, so the speakers are told apart in a simpler way, with more mistakes."
Found = tuple[int, Piece]  # a piece of speech, and its speaker's number
Reading = Callable[[], list[Segment]]
_CLIPPED = (
    "The recording was made far too loud, and its loud parts are cut off: words are wrong in it. Turn the microphone's "
    "level down and record it again."
)


class Transcription:
    """Transcribes the recording of one job.

    Args:
        models: returns the models for diarization; only called with `Request.diarize`.
        by_channel: whether the blocks have two channels, each a speaker; then `diarize` has no other meaning.
        readings: those that were made of the same recording ahead.
    """

    def __init__(
        self,
        job: Job,
        request: Request,
        recogniser: Recogniser,
        models: Callable[[], DiarizationModels],
        *,
        by_channel: bool = False,
        readings: Readings | None = None,
    ) -> None:
        self._job = job
        self._request = request
        self._recogniser = recogniser
        self._models = models
        self._by_channel = by_channel
        self._known = readings
        self._diarize = request.diarize and not by_channel
        self._named = request.diarize or by_channel  # whether segments have a speaker
        self._held: list[tuple[float, int, int, Segment, float]] = []  # those of channels, until their turn
        self._waiting: tuple[int, Segment, float] | None = None  # the last one of a torn piece, until the next piece
        self._options = request.options()
        self._context = Context(request.prompt, request.decoder)
        self._detects = self._options.language is None  # whether the next piece's language is detected
        self._detected: DetectedLanguage | None = None
        self._judges = bool(recogniser.only_language) and not request.named
        self._clipped = False  # whether there was speech that was cut off at full scale
        self._plausibility = Plausibility(
            lambda samples: recogniser.second_reading(job, samples, self._options), recogniser.rating
        )
        self._unlikely_text = UnlikelyText()
        self._without_text = WithoutText()
        self._scorer = Scorer(recogniser, job)
        self._read_s = begin_s(request)  # the second up to which the recording has been read
        self._reported_s = request.start_s
        self._total_s: Callable[[], float] = lambda: 0.0
        self._segments = 0
        self._voices: dict[int, Voice] = {}
        self._speakers: dict[int, str] = {}  # names of the speakers with a segment, in the order of their first ones

    def run(self, blocks: Iterator[Samples], total_s: Callable[[], float]) -> TranscriptResult:
        """Transcribes `blocks`, which begin at `begin_s`, of `total_s` seconds or 0.0; returns the job's result."""
        self._total_s, began = total_s, time.monotonic()
        # The recording is read and its speech found while the engine transcribes the pieces before.
        with (
            Detector() as detector,
            _threads(self._recogniser.most_at_once) as threads,
            prefetch(self._readings(self._pieces(blocks, detector), threads)) as ahead,
        ):
            try:
                for speaker, piece, text in ahead:
                    ahead.count = max(2, self._recogniser.at_once)
                    if piece.ends:
                        self._transcribe(speaker, piece, text)
                    elif not ahead.waiting and time.monotonic() - began >= _AS_SPOKEN * (
                        piece.end - self._request.start_s
                    ):
                        text()  # the piece that follows gets this text, if it has the same speech
            except BaseException:
                self._go_on([])
                if not ahead.ended:
                    self._job.cancel()  # the rest of a stream may never come
                raise
        return self._result()

    def read_ahead(self, blocks: Iterator[Samples]) -> None:
        """Reads the pieces of `blocks` for the transcription of the whole recording, as long as memory is not short."""
        with Detector() as detector:
            for _, piece in self._pieces(blocks, detector):
                if self._job.degraded:
                    return
                self._job.warnings.clear()  # those of a piece go with its text
                segments = self._text(piece)
                self._detects = False
                self._context.add(segments)

    def _readings(self, pieces: Iterator[Found], threads: Executor | None) -> Iterator[tuple[int, Piece, Reading]]:
        """Yields the pieces, each with its speaker's number and a call that returns its text. `threads` have the engine
        read those ahead that need nothing of the text before."""
        speech: object = None
        text: Reading | None = None
        for speaker, piece in pieces:
            if text is None or piece.speech != speech:
                text = cache(partial(self._text, piece))
                alone = self._job.economy or self._detects or self._context.changes or self._recogniser.at_once == 1
                if threads and piece.ends and not alone:
                    text = threads.submit(text).result
            speech = None if piece.ends else piece.speech
            yield speaker, piece, text

    def _pieces(self, blocks: Iterator[Samples], detector: Detector) -> Iterator[Found]:
        """Yields the pieces of speech, each with its speaker's number."""
        if self._by_channel:
            yield from self._channels(blocks, detector)
            return
        for speaker, start, part in self._by_speaker(self._reading(blocks)):
            yield from self._cut(speaker, start, part, detector)

    def _channels(self, blocks: Iterator[Samples], detector: Detector) -> Iterator[Found]:
        """Yields the pieces of both channels, in the order of their beginnings; the channel's number is the speaker."""
        with closing(Channels(without_echo(self._reading(blocks)))) as channels, Detector() as other:
            each = [self._cut(n, 0.0, channels.channel(n), own) for n, own in enumerate((detector, other))]
            yield from merge(*each, key=lambda piece: piece[1].start)

    def _cut(self, speaker: int, start: float, part: Iterator[Samples], detector: Detector) -> Iterator[Found]:
        """Yields the pieces of one speaker's `part`, which begins `start` seconds after the recording's beginning."""
        request, length = self._request, self._recogniser.piece_length(self._request, economy=self._job.economy)
        shorter = length.longest < self._recogniser.piece_length(request, economy=False).longest
        as_spoken = request.as_spoken and not self._by_channel
        cutter = Cutter(length, request.min_silence_s, request.speech_pad_s, shorter, as_spoken=as_spoken)
        for piece in pieces(part, detector, cutter, request.start_s + start, _lead(request), detector.again):
            self._job.degraded = self._job.degraded or cutter.shortened
            yield speaker, piece

    def _reading(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Yields `blocks`, and reports progress, until the job is cancelled."""
        for block in blocks:
            self._job.check()
            self._read_s += len(block) / RATE
            self._report(self._read_s - self._request.start_s, first_pass=True)
            yield block

    def _by_speaker(self, blocks: Iterator[Samples]) -> Iterator[tuple[int, float, Iterator[Samples]]]:
        """Yields `blocks` in parts of one speaker each, with the second at which each begins; a single part without
        `diarize` and clips."""
        if self._request.clips:
            for start, part in clipped(blocks, self._request.clips, self._request.start_s):
                yield 0, start, part
            return
        if not self._diarize:
            yield 0, 0.0, blocks
            return

        simple = self._job.economy and not self._request.voiceprints
        if simple:
            self._job.degraded = True
            self._job.warn("speakers_unsure", _UNSURE_SPEAKERS)
        models, speakers = self._models(), self._request.speakers
        for stretch, part in by_speaker(blocks, models, speakers, self._job.check, simple=simple):
            if stretch.voice:
                self._voices[stretch.speaker] = stretch.voice
            yield stretch.speaker, stretch.start, part

    def _transcribe(self, speaker: int, piece: Piece, text: Reading) -> None:
        request = self._request
        self._release(piece.start)
        if self._named:
            self._report(self._read_s - request.start_s + piece.start - request.start_s, first_pass=False)
        segments = text()
        self._detects = False
        self._context.add(segments)
        self._without_text.add(piece, segments)
        self._take(speaker, piece, segments)

    def _text(self, piece: Piece) -> list[Segment]:
        if not self._known:
            return self._read(piece)[0]
        context = f"{self._detects} {self._options} {self._context.prompt}"
        read = self._known.of(piece, context, partial(self._read, piece))
        segments, self._options, self._detected, warnings = read
        for warning in warnings:
            self._job.warn(**warning)
        return segments

    def _read(self, piece: Piece) -> tuple[list[Segment], Options, DetectedLanguage | None, list[dict[str, str]]]:
        """Has the engine read a piece; returns its segments, the options and the language for the next one, and the
        job's warnings so far."""
        if self._detects:
            self._detected = self._recogniser.detect_language(self._job, piece, self._options.languages)
            self._options = replace(self._options, language=self._detected.tag if self._detected else None)
        segments = read(piece, self._options.language, self._read_in, self._detect, self._recogniser.engine.HABITS)
        return segments, self._options, self._detected, [*self._job.warnings]

    def _read_in(self, piece: Piece, language: str | None) -> list[Segment]:
        """Has the engine read a piece in `language`, which its segments name where the recording has another."""
        options = replace(self._options, prompt=self._context.prompt, language=language)
        segments = self._recogniser.transcribe(self._job, piece, options)
        if language == self._options.language or self._options.translate:
            return segments
        return [replace(segment, language=language or "") for segment in segments]

    @property
    def _detect(self) -> Detect | None:
        """Returns the detector of a piece's language; None where it was named, or the model cannot tell."""
        if self._request.language is not None or self._detected is None or self._detected.probability is None:
            return None
        return lambda piece: self._recogniser.detect_language(self._job, piece, self._options.languages)

    def _take(self, speaker: int, piece: Piece, segments: list[Segment]) -> None:
        """Sends the text of a piece, marked if it is unlikely. The first text does not wait for that check: its verdict
        follows. The last segment of a torn piece waits for the next piece, but not the first text, nor raw sound, which
        may be live."""
        self._go_on(segments)
        first = self._segments == 0 and bool(self._judges and segments) and not self._by_channel
        waits = piece.torn and not first and self._request.format == "file"
        unlikely = not first and self._unlikely(piece, segments)
        for number, segment in enumerate(segments, 1):
            marked = replace(self._mended(piece, segment), unlikely=unlikely, unjudged=first)
            rest = piece.start if number < len(segments) else piece.end
            if self._by_channel:
                self._hear_voice(speaker, piece)
                heappush(self._held, (segment.start, speaker, number, marked, rest))
            elif waits and number == len(segments) and self._segments:
                self._waiting = speaker, marked, rest
            else:
                self._send(speaker, marked, rest)
        if first:
            unlikely = self._unlikely(piece, segments)
            doubtful = self._plausibility.doubtful(self._recogniser.levelled(piece), _joined(segments))
            self._job.send_partial(partials.of_event(partials.Judged(unlikely, doubtful)))

    def _go_on(self, after: list[Segment]) -> None:
        """Sends the segment that waits, if any, before those that come `after` it."""
        if self._waiting:
            (speaker, segment, rest), self._waiting = self._waiting, None
            language = segment.language or self._recogniser.spoken(self._options)
            self._send(speaker, going_on(segment, after[0].text if after else "", language), rest)

    def _mended(self, piece: Piece, segment: Segment) -> Segment:
        """Returns a segment of a piece with the user's own words."""
        if not (own := self._request.own):
            return segment
        language = segment.language or self._recogniser.spoken(self._options)
        return own.mended(segment, language, self._scorer.of(piece, segment, language))

    def _unlikely(self, piece: Piece, segments: list[Segment]) -> bool:
        """Returns whether the text of a piece is unlikely, for its segments and for the result."""
        if not segments:
            return False
        self._clipped = self._clipped or bool(self._recogniser.only_language and is_clipped(piece.samples))
        unlikely = segments[0].unlikely  # the model's own figures say this
        if self._judges:
            unlikely = self._plausibility.unlikely(self._recogniser.levelled(piece), _joined(segments))
        self._unlikely_text.add(segments[0].start, segments[-1].end, unlikely)
        return unlikely

    def _release(self, before_s: float) -> None:
        """Sends the segments of channels that begin before `before_s`: no later piece has an earlier one."""
        while self._held and self._held[0][0] < before_s:
            _, speaker, _, segment, rest = heappop(self._held)
            self._send(speaker, segment, rest)

    def _hear_voice(self, channel: int, piece: Piece) -> None:
        """Learns the voice of a channel from its first long enough piece, if people are known."""
        if not self._request.people or channel in self._voices:
            return

        diarizer = Diarizer(self._models(), simple=True)
        diarizer.feed(self._recogniser.levelled(piece))
        for turn in diarizer.turns(1, self._job.check):
            if turn.voice:
                self._voices[channel] = turn.voice

    def _send(self, speaker: int, segment: Segment, rest: float) -> None:
        """Sends a segment; `rest` is the start for a request for the rest of the recording."""
        if self._named:
            if speaker not in self._speakers:
                self._speakers[speaker] = self._name(speaker)
            segment = replace(segment, speaker=self._speakers[speaker])
        language, detected = self._recogniser.spoken(self._options), self._detected
        if segment.language:
            language, detected = segment.language, DetectedLanguage(segment.language, segment.language_probability)
        data = partials.of_segment(self._segments, segment, language, detected)
        self._job.send_partial(structs.replace(data, rest=round(rest, 3)).data())
        self._segments += 1

    def _name(self, speaker: int) -> str:
        """Returns the name of a new speaker: of a known voice, or a number."""
        known = ""
        if self._request.people and speaker in self._voices:
            known = KnownPeople(self._request.people).name(self._voices[speaker])
        return known or (CHANNELS[speaker] if self._by_channel else f"SPEAKER_{len(self._speakers):02d}")

    def _report(self, done_s: float, *, first_pass: bool) -> None:
        """Reports progress from time to time; `done_s` is the audio done in all passes together."""
        now = self._request.start_s + done_s / (2 if self._named else 1)
        if now >= self._reported_s + _PROGRESS_S:
            self._reported_s = now
            self._job.progress(now, self._total_s() or (0.0 if first_pass else self._read_s))

    def _result(self) -> TranscriptResult:
        self._go_on([])
        self._release(math.inf)
        if self._clipped:
            self._job.warn("clipped", _CLIPPED)
        if sentence := self._without_text.sentence:
            self._job.warn("no_text", sentence)
        language = self._recogniser.spoken(self._options)
        self._unlikely_text.warn(self._job, language, alone=self._recogniser.knows_one)
        return TranscriptResult(
            language=language,
            language_probability=partials.probability(self._detected.probability if self._detected else None),
            duration=round(max(self._read_s, self._request.start_s), 3),
            segments=self._segments,
            unlikely=self._unlikely_text.stretches,
            speakers=len(set(self._speakers.values())) if self._named else None,
            voices=self._voiceprints() if self._request.voiceprints else (),
        )

    def _voiceprints(self) -> tuple[SpeakerVoice, ...]:
        return tuple(
            SpeakerVoice(speaker=name, voiceprint=voiceprint(voice.embedding), seconds=round(voice.seconds, 3))
            for speaker, name in self._speakers.items()
            if (voice := self._voices.get(speaker))
        )


def _joined(segments: list[Segment]) -> str:
    return " ".join(segment.text for segment in segments)


def _threads(count: int) -> AbstractContextManager[Executor | None]:
    if count == 1:
        return nullcontext()

    return ThreadPoolExecutor(count, "piece")


def begin_s(request: Request) -> float:
    """Returns the second of the recording at which its blocks begin: earlier than `start_s`, for the detector."""
    return request.start_s - _lead(request) * FRAME / RATE


def _lead(request: Request) -> int:
    """Returns the number of frames before `start_s` to read, so that a resumed recording gets the same text as an
    uninterrupted one."""
    return 0 if request.diarize or request.clips else min(_FRAMES_BEFORE_START, int(request.start_s * RATE / FRAME))
