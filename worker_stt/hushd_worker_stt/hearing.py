"""Hears one request after another: a recording, raw samples or a live session, each by the parts that it needs.

It imports all that reading audio needs, in about 0.2 s, and so is imported while the engine loads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import takewhile
from typing import Any, BinaryIO

from hushd_models import languages
from hushd_protocol.errors import HushdError
from hushd_schema.results import TranscriptResult
from hushd_worker.job import Job

from . import partials
from .ahead import Ahead, Readings
from .audio.channels import Apart, PairInlet, each_a_person
from .audio.inlet import Mixdown, raw_blocks
from .audio.recording import Recording, open_input
from .diarization.models import DiarizationModels
from .engine import Engine, Model, Samples, Segment
from .live.judge import LiveJudge
from .live.listener import LiveListener
from .own_words import OwnWords
from .plausibility import UnlikelyText
from .recogniser import Recogniser
from .request import Request
from .segmentation.vad import Silero
from .transcription import Transcription, begin_s

# Seconds for missing live audio: a microphone may be paused, or a program has forgotten the job.
_AUDIO_TIMEOUT_S = 600.0
_CANCELLED = "The channels cancel each other out: only the loudest of them was transcribed."
_NO_SPEECH = "No speech was heard: is this the right recording, and does it play?"


class Hearing:
    """The work of requests with one loaded engine."""

    def __init__(self, engine: Engine, model: Model) -> None:
        self.recogniser = Recogniser(engine, model)
        self._diarization: DiarizationModels | None = None  # loaded for the first request with `diarize`

    @staticmethod
    def own_words(job: Job, request: Request) -> OwnWords | None:
        """Returns the request's own words, or else the user's usual ones; None without any. Raises `bad_request` for a
        request with too many; a fault of the user's list is a warning."""
        if request.list_fault:
            job.warn("own_words", request.list_fault)
        text = request.usual_words if request.own_words is None else request.own_words
        if not text.strip():
            return None
        try:
            return OwnWords(text)
        except HushdError as error:
            if request.own_words is not None:
                raise
            job.warn("own_words", f"words.txt: {error.message}")
            return None

    def run(self, job: Job, request: Request) -> TranscriptResult:
        """Transcribes what `job` brings; raises as `SpeechToText.run`."""
        if request.live:
            return self._live(job, request)
        result = self._raw(job, request) if request.format == "s16le" else self._file(job, request)
        if not result.segments and request.start_s == 0:
            job.warn("no_speech", _NO_SPEECH)
        return result

    def _file(self, job: Job, request: Request) -> TranscriptResult:
        """Transcribes the requested track, or else the best one that can be decoded and has speech."""
        with self._ahead(job, request) as ahead, open_input(job, ahead) as file:
            readings = ahead.readings if ahead else None
            if request.audio_track:
                return self._track(job, request, file, request.audio_track)[0]
            tracks, tried, why = [0], 0, ""
            while True:
                try:
                    result, recording = self._track(job, request, file, tracks[tried], readings)
                except HushdError as error:
                    tracks, fault = error.detail.get("tracks", []), "Audio track {} cannot be decoded"
                    if tried + 1 >= len(tracks):
                        raise
                else:
                    tracks, fault = list(recording.tracks), "There is no speech in audio track {}"
                    if result.segments or tried + 1 >= len(tracks):
                        break
                why, tried = why or fault.format(tracks[0]), tried + 1
        if result.segments and (note := _other_tracks(recording, why)):
            job.warn("other_track", note)
        return result

    def _ahead(self, job: Job, request: Request) -> AbstractContextManager[Ahead | None]:
        """Returns what reads a recording while it arrives; nothing where it is here, or the request needs all of it."""
        whole = (request.diarize, request.by_channel, request.clips, request.audio_track, request.start_s, job.economy)
        if job.input != "stream" or any(whole):
            return contextlib.nullcontext()

        def hear(unheard: Job, known: Readings, blocks: Iterator[Samples]) -> None:
            models = self._diarization_models
            Transcription(unheard, request, self.recogniser, models, readings=known).read_ahead(blocks)

        return Ahead(job, hear)

    def _track(
        self, job: Job, request: Request, file: BinaryIO, track: int, readings: Readings | None = None
    ) -> tuple[TranscriptResult, Recording]:
        """Transcribes one sound track, 0 for the best one; returns the result and the recording, which is closed."""
        apart = request.may_be_by_channel and self._each_a_person(job, request, file, track)
        models = self._diarization_models
        transcription = Transcription(job, request, self.recogniser, models, by_channel=apart, readings=readings)
        start_s, mixing = begin_s(request), _apart() if apart else {}
        with Recording(job, start_s, track, file, request.language or "", **mixing) as recording:
            result = transcription.run(recording.blocks(), lambda: recording.duration)
            if recording.damage:
                job.warn("cut_off", f"The recording {recording.damage}")
            if recording.mixdown.cancelled:
                job.warn("channels_cancel", _CANCELLED)
            return result, recording

    def _each_a_person(self, job: Job, request: Request, file: BinaryIO, track: int) -> bool:
        """Returns whether each channel of a recording is to be heard by itself."""
        mixing = _apart()
        with Recording(job, 0.0, track, file, request.language or "", **mixing) as recording:
            blocks = takewhile(lambda _: mixing["mixdown"].pairs, recording.blocks())
            separate = each_a_person(blocks, asked=bool(request.by_channel))
        file.seek(0)
        return separate

    def _raw(self, job: Job, request: Request) -> TranscriptResult:
        apart = bool(request.by_channel) and request.channels == 2
        mixing = _apart() if apart else {"mixdown": Mixdown()}
        mixdown = mixing["mixdown"]
        blocks = raw_blocks(job.read(), request.rate, request.channels, begin_s(request), **mixing)
        transcription = Transcription(job, request, self.recogniser, self._diarization_models, by_channel=apart)
        result = transcription.run(blocks, lambda: 0.0)
        if mixdown.cancelled:
            job.warn("channels_cancel", _CANCELLED)
        return result

    def _diarization_models(self) -> DiarizationModels:
        self._diarization = self._diarization or DiarizationModels()
        return self._diarization

    def _live(self, job: Job, request: Request) -> TranscriptResult:
        length = self.recogniser.piece_length(request, economy=job.economy)
        unlikely_text = UnlikelyText()
        judges = self.recogniser.only_language and not request.named
        judge = self._judge(job, request, unlikely_text) if judges else None
        listener = LiveListener(
            self.recogniser, job, request, length, judge=judge, habits=self.recogniser.engine.HABITS
        )
        count = 0
        for event in listener.events(_live_samples(job, request)):
            if request.own:
                event = request.own.in_event(event, listener.language)
            if isinstance(event, Segment):
                job.send_partial(partials.of_segment(count, event, listener.language, listener.detected).data())
                count += 1
                if judge is None:
                    unlikely_text.add(event.start, event.end, event.unlikely)
            else:
                job.send_partial(partials.of_event(event))
        detected = listener.detected
        unlikely_text.warn(job, listener.language, alone=self.recogniser.knows_one)
        return TranscriptResult(
            language=listener.language,
            language_probability=partials.probability(detected.probability if detected else None),
            duration=round(listener.seconds, 3),
            segments=count,
            ended=listener.ended,
            unlikely=unlikely_text.stretches,
        )

    def _judge(self, job: Job, request: Request, unlikely_text: UnlikelyText) -> LiveJudge | None:
        """Returns the judge of a session; None for a model that streams, which reads nothing else beside its stream."""
        if self.recogniser.feed_s:
            return None
        options = request.options()
        return LiveJudge(
            lambda samples: self.recogniser.second_reading(job, samples, options),
            self.recogniser.rating,
            unlikely_text,
        )


def _other_tracks(recording: Recording, why: str) -> str:
    """Returns a sentence about the track of `recording`: a second choice, for `why`, or one of several; or none."""
    spoken = dict.fromkeys(languages.name(tag) for _, tag in sorted(recording.tracks.items()) if tag)
    if len(spoken) > 1:
        why = why or f"The audio tracks are in {' and '.join(spoken)}"
    elif recording.track > 1:
        why = why or "There are several audio tracks"
    tag = recording.tracks[recording.track]
    this = f"this is track {recording.track} of {len(recording.tracks)}"
    return why and f"{why}: {this}{tag and f', in {languages.name(tag)}'}."


def _apart() -> dict[str, Any]:
    """Returns how a recording is read whose channels are heard apart, for `Recording` and `raw_blocks`."""
    return {"mixdown": Apart(), "inlet": PairInlet}


def _live_samples(job: Job, request: Request) -> Iterator[Samples]:
    job.params |= {"rate": request.rate, "channels": request.channels}  # its chunks must agree
    return raw_blocks(job.read(_AUDIO_TIMEOUT_S), request.rate, request.channels)


def load_detector() -> None:
    """Loads the voice detector of the first recording."""
    with Silero():
        pass  # its model is kept for the next stream
