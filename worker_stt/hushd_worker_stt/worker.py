"""Runs hushd's transcription jobs by one speech-to-text engine."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, BinaryIO

from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities, TranscriptResult
from hushd_worker import compute_device
from hushd_worker.engine_registry import choose_model
from hushd_worker.errors import importing
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

from .engine import Engine, Samples, Segment, of_model
from .registry import REGISTRY
from .request import Request

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .ahead import Ahead, Readings
    from .audio.recording import Recording
    from .diarization.models import DiarizationModels
    from .live.judge import LiveJudge
    from .own_words import OwnWords
    from .plausibility import UnlikelyText

# Seconds for missing live audio: a microphone may be paused, or a program has forgotten the job.
_AUDIO_TIMEOUT_S = 600.0
_CANCELLED = "The channels cancel each other out: only the loudest of them was transcribed."
_NO_SPEECH = "No speech was heard: is this the right recording, and does it play?"
_ON_CARD = 8, 64  # slots and sessions
_HEAVY = (
    "hushd_worker_stt.audio.recording",
    "hushd_worker_stt.live.listener",
    "hushd_worker_stt.recogniser",
    "hushd_worker_stt.transcription",
)  # numpy, soundfile, soxr
_VAD = "hushd_worker_stt.segmentation.vad"


class SpeechToText(BaseWorker):
    """The speech-to-text worker that the harness runs, with one model of one engine.

    It takes one file at a time, where an engine's own threads already use all cores, and live sessions beside it, since
    each of them needs the engine for a fraction of the time. A model that streams takes one session or one file;
    the next one needs another process. Files that waited for their clients go on beside these, in turns of a piece. An
    engine that takes batches on a graphics card gets more of both, and transcribes their pieces together.
    """

    slots = 1
    sessions = 4
    aside = 16

    def __init__(self, engine: str, model: str) -> None:
        self._engine_name = engine
        self._model_name = model
        self._diarization: DiarizationModels | None = None  # loaded for the first request with `diarize`

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Loads the engine; returns its capabilities. Raises `engine_missing` or `model_missing`."""
        self._load(report)
        device, why = compute_device.report(self.engine.compute_device, self.engine.why_there, self._spec.name)
        return Capabilities(
            engine=self._spec.name,
            model=self._model.name,
            languages=self._model.languages,
            streaming=self._spec.streaming,
            word_times=self._spec.word_times,
            compute_device=device,
            why_there=why,
            leave_s=self.engine.leave_s,
        )

    def _load(self, report: Callable[[str], None]) -> None:
        kind = REGISTRY.find(self._engine_name)
        spec, known = kind.SPEC, [model.name for model in kind.models()]
        name = choose_model(spec.name, self._model_name, spec.default_model, known)
        # numpy's import and an engine's native load take 0.1 s or more each, on different cores.
        preparation = threading.Thread(target=_prepare, name="preparation", daemon=True)
        preparation.start()
        self.engine: Engine = kind()
        try:
            self.engine.load(name, report)
        finally:
            preparation.join()
        with importing("Audio cannot be read here", kind.install()):
            for module in _HEAVY:
                importlib.import_module(module)
        from .recogniser import Recogniser

        if self.engine.feed_s:  # an engine with an open stream cannot do anything else
            self.slots, self.sessions, self.aside = 1, 0, 0
        elif self.engine.batch > 1 and self.engine.compute_device != "cpu":
            self.slots, self.sessions = _ON_CARD
        else:
            self.slots = self.engine.parallel
        self._model = next(model for model in kind.models() if model.name == name)
        self._spec = of_model(spec, self._model)
        self._recogniser = Recogniser(self.engine, self._model)

    def run(self, job: Job) -> JsonObject:
        """Transcribes; sends the text in partials.

        The result has `language`, `duration` in seconds, and the numbers of `segments` and, with `diarize`, of
        `speakers`; for live audio also `ended`. Raises `unsupported`, `bad_request`, `no_speech`, or an error of the
        input.
        """
        if job.op != "transcribe":
            raise HushdError("unsupported", f"A speech-to-text worker can only 'transcribe', not {job.op!r}.")
        request = Request.parse(job.params, self._spec, self._model)
        if job.input == "none":
            raise HushdError("bad_request", "There is nothing to transcribe: send audio, or name a file.")
        if own := _own_words(job, request):
            request = replace(request, own=own)
            takes = self._spec.options is None or "hotwords" in self._spec.options
            # Hotwords make other words wrong, so that an engine that can tell how likely an own word is gets none.
            english = (request.language or "en").partition("-")[0] == "en"
            if takes and not (english and self.engine.scoring("en")):
                request = replace(request, hotwords=", ".join(filter(None, (request.hotwords, *own.names))))
        if request.live:
            result = self._live(job, request)
        else:
            result = self._raw(job, request) if request.format == "s16le" else self._file(job, request)
            if not result.segments and request.start_s == 0:
                job.warn("no_speech", _NO_SPEECH)
        warnings = [*request.warnings(self._spec), *job.warnings]
        return result.data() | ({"warnings": warnings} if warnings else {})

    def release_memory(self) -> None:
        self.engine.release_memory()

    def close(self) -> None:
        self.engine.close()

    def _file(self, job: Job, request: Request) -> TranscriptResult:
        """Transcribes the requested track, or else the best one that can be decoded and has speech."""
        from .audio.recording import open_input

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
        from .ahead import Ahead
        from .transcription import Transcription

        def hear(unheard: Job, known: Readings, blocks: Iterator[Samples]) -> None:
            models = self._diarization_models
            Transcription(unheard, request, self._recogniser, models, readings=known).read_ahead(blocks)

        return Ahead(job, hear)

    def _track(
        self, job: Job, request: Request, file: BinaryIO, track: int, readings: Readings | None = None
    ) -> tuple[TranscriptResult, Recording]:
        """Transcribes one sound track, 0 for the best one; returns the result and the recording, which is closed."""
        from .audio.recording import Recording
        from .transcription import Transcription, begin_s

        apart = request.may_be_by_channel and self._each_a_person(job, request, file, track)
        models = self._diarization_models
        transcription = Transcription(job, request, self._recogniser, models, by_channel=apart, readings=readings)
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
        from .audio.channels import each_a_person
        from .audio.recording import Recording

        mixing = _apart()
        with Recording(job, 0.0, track, file, request.language or "", **mixing) as recording:
            blocks = takewhile(lambda _: mixing["mixdown"].pairs, recording.blocks())
            separate = each_a_person(blocks, asked=bool(request.by_channel))
        file.seek(0)
        return separate

    def _raw(self, job: Job, request: Request) -> TranscriptResult:
        from .audio.inlet import Mixdown, raw_blocks
        from .transcription import Transcription, begin_s

        apart = bool(request.by_channel) and request.channels == 2
        mixing = _apart() if apart else {"mixdown": Mixdown()}
        mixdown = mixing["mixdown"]
        blocks = raw_blocks(job.read(), request.rate, request.channels, begin_s(request), **mixing)
        transcription = Transcription(job, request, self._recogniser, self._diarization_models, by_channel=apart)
        result = transcription.run(blocks, lambda: 0.0)
        if mixdown.cancelled:
            job.warn("channels_cancel", _CANCELLED)
        return result

    def _diarization_models(self) -> DiarizationModels:
        from .diarization.models import DiarizationModels

        self._diarization = self._diarization or DiarizationModels()
        return self._diarization

    def _live(self, job: Job, request: Request) -> TranscriptResult:
        from . import partials
        from .live.listener import LiveListener
        from .plausibility import UnlikelyText

        length = self._recogniser.piece_length(request, economy=job.economy)
        unlikely_text = UnlikelyText()
        judges = self._recogniser.only_language and not request.named
        judge = self._judge(job, request, unlikely_text) if judges else None
        listener = LiveListener(
            self._recogniser, job, request, length, judge=judge, habits=self._recogniser.engine.HABITS
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
        unlikely_text.warn(job, listener.language, alone=self._recogniser.knows_one)
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
        if self._recogniser.feed_s:
            return None
        from .live.judge import LiveJudge

        options = request.options()
        return LiveJudge(
            lambda samples: self._recogniser.second_reading(job, samples, options),
            self._recogniser.rating,
            unlikely_text,
        )


def _own_words(job: Job, request: Request) -> OwnWords | None:
    """Returns the request's own words, or else the user's usual ones; None without any, for which nothing is imported.
    Raises `bad_request` for a request with too many; a fault of the user's list is a warning."""
    if request.list_fault:
        job.warn("own_words", request.list_fault)
    text = request.usual_words if request.own_words is None else request.own_words
    if not text.strip():
        return None
    from .own_words import OwnWords

    try:
        return OwnWords(text)
    except HushdError as error:
        if request.own_words is not None:
            raise
        job.warn("own_words", f"words.txt: {error.message}")
        return None


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
    from .audio.channels import Apart, PairInlet

    return {"mixdown": Apart(), "inlet": PairInlet}


def _live_samples(job: Job, request: Request) -> Iterator[Samples]:
    from .audio.inlet import raw_blocks

    job.params |= {"rate": request.rate, "channels": request.channels}  # its chunks must agree
    return raw_blocks(job.read(_AUDIO_TIMEOUT_S), request.rate, request.channels)


def _prepare() -> None:
    """Imports the modules for reading audio, and loads the first recording's voice detector.

    A failure is ignored here, since the use of the failed part will raise and report the same error.
    """
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        for module in _HEAVY:
            importlib.import_module(module)
        with importlib.import_module(_VAD).Silero():
            pass  # the model is kept for later streams
