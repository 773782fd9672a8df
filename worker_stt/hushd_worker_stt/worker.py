"""hushd's jobs, done by a speech-to-text engine."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import paths
from hushd_worker.engine_registry import choose_model
from hushd_worker.job import Job

from .audio.prefetch import ahead
from .engine import RATE, Engine, Options, PieceLength, Segment
from .registry import REGISTRY
from .request import Request
from .segmentation.endpoint import FRAME

if TYPE_CHECKING:
    from .diarization.models import DiarizationModels
    from .engine import Samples
    from .live.listener import Began, Echo, Nothing, Unstable
    from .segmentation.pieces import Piece

_PROGRESS_S = 10.0  # of audio read between two words of progress
_BEFORE = 320  # frames, 10.24 s, before `start_s` that the detector hears, to judge what follows as if it had heard all
_PATIENCE_S = 600.0  # for live audio that does not come: a paused microphone, or a program that has forgotten us
_HEAVY = (
    "hushd_worker_stt.audio.recording",
    "hushd_worker_stt.live.listener",
    "hushd_worker_stt.recogniser",
)  # numpy, soundfile, soxr


class SpeechToText:
    """What the harness runs: one model of one engine.

    One file at a time, because an engine's own threads already use the cores there are; people who speak now beside
    it, since each of them needs the engine for a fraction of the time.
    """

    slots = 1
    sessions = 4

    def __init__(self, engine: str, model: str) -> None:
        self._engine_name = engine
        self._model_name = model
        self._voices: DiarizationModels | None = None  # from the first recording on in which speakers are told apart

    def load(self, report: Callable[[str], None]) -> dict[str, Any]:
        """Loads the engine; returns `engine`, `model`, `languages`, `streaming` and `word_times`.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """
        kind = REGISTRY.find(self._engine_name)
        info, known = kind.INFO, [model.name for model in kind.models()]
        name = choose_model(info.name, self._model_name, info.default_model, known)
        if (paths.find().models / kind.INFO.name).is_dir():  # else hushd has brought it none: 5 ms less
            from hushd_models import verification

            verification.before_load(kind.INFO.name, name, report)
        # numpy's import and an engine's native load take 0.1 s and more each, on different cores.
        preparation = threading.Thread(target=_prepare, name="preparation", daemon=True)
        preparation.start()
        self._engine: Engine = kind()
        try:
            self._engine.load(name, report)
        finally:
            preparation.join()
        try:
            for module in _HEAVY:
                importlib.import_module(module)
        except (ImportError, OSError) as error:
            raise HushdError(
                "engine_missing", f"Audio cannot be read here ({reason(error)}): {kind.INFO.install}."
            ) from error
        from .recogniser import Recogniser

        self._recogniser = Recogniser(self._engine)
        self._model = next(model for model in kind.models() if model.name == name)
        return {
            "engine": kind.INFO.name,
            "model": name,
            "languages": list(self._model.languages),
            "streaming": kind.INFO.streaming,
            "word_times": kind.INFO.word_times,
        }

    def run(self, job: Job) -> dict[str, Any]:
        """Transcribes; the result holds `language`, `duration` in seconds, `segments`, their count, `speakers`, theirs,
        where they are told apart, and for live audio `ended`. The text goes in partials.

        Raises:
            HushdError: `unsupported`, `bad_request`, `no_speech`, or what the input raises.
        """
        if job.op != "transcribe":
            raise HushdError("unsupported", f"A speech-to-text worker can 'transcribe', not {job.op!r}.")
        request = Request.parse(job.params, self._engine.INFO, self._model)
        if job.input == "none":
            raise HushdError("bad_request", "There is nothing to transcribe: send audio, or name a file.")
        if request.live:
            answer = self._live(job, request)
        elif request.format == "s16le":
            answer = self._raw(job, request)
        else:
            answer = self._file(job, request)
        return answer

    def _file(self, job: Job, request: Request) -> dict[str, Any]:
        from .audio.recording import Recording

        with Recording(job, _begin_s(request)) as recording:
            answer = self._transcribe(job, request, recording.blocks(), lambda: recording.duration)
            if recording.damage:
                raise recording.damage
            return answer

    def _raw(self, job: Job, request: Request) -> dict[str, Any]:
        from .audio.recording import raw_blocks

        blocks = raw_blocks(job.read(), request.rate, request.channels, _begin_s(request))
        return self._transcribe(job, request, blocks, lambda: 0.0)

    def _transcribe(
        self, job: Job, request: Request, blocks: Iterator[Samples], total: Callable[[], float]
    ) -> dict[str, Any]:
        from .segmentation.pieces import Cutter, pieces
        from .segmentation.vad import Detector

        seconds, told, count = _begin_s(request), request.start_s, 0
        passes = 2 if request.diarize else 1

        def tell(before: float, now: float) -> None:
            """Progress, where so much was heard in the passes before this one, and so much in this."""
            nonlocal told
            done = request.start_s + (before + now - request.start_s) / passes
            if done >= told + _PROGRESS_S:
                told = done
                job.progress(done, total() or (seconds if before else 0.0))

        def watched() -> Iterator[Samples]:
            nonlocal seconds
            for block in blocks:
                job.check()
                seconds += len(block) / RATE
                tell(0.0, seconds)
                yield block

        options = request.options()
        length = self._piece_length(job, request)
        shorter = length.longest < self._bounded(self._engine.PIECE, request).longest
        language_known = False
        names: dict[int, str] = {}  # of the speakers whom a segment has, in the order of their first one

        def cuts() -> Iterator[tuple[int, Piece]]:
            for speaker, start, part in self._by_speaker(job, request, watched()):
                cutter = Cutter(length, request.min_silence_s, request.speech_pad_s, shorter)
                for piece in pieces(part, detector, cutter, request.start_s + start, _before(request)):
                    job.degraded = job.degraded or cutter.shortened
                    yield speaker, piece

        # A file is read and its speech found while the engine is at the piece before. What comes as it is made is
        # not: to leave would have to wait for more of it.
        eager = contextlib.nullcontext if request.format == "s16le" else ahead
        with Detector() as detector, eager(cuts()) as found:
            for speaker, piece in found:
                if not language_known:
                    options, language_known = self._with_language(job, options, piece), True
                if request.diarize:
                    tell(seconds - request.start_s, piece.start)
                segments = self._recogniser.hear(job, piece, options, request.speech_pad_s)
                for number, segment in enumerate(segments, 1):
                    if request.diarize:
                        name = names.setdefault(speaker, f"SPEAKER_{len(names):02d}")
                        segment = replace(segment, speaker=name)
                    rest = piece.start if number < len(segments) else piece.end
                    language = self._language(options)
                    more = {"rest": round(rest, 3)} | ({"language": language} if language else {})
                    job.send_partial(_partial(count, segment) | more)
                    count += 1
        answer = {
            "language": self._language(options),
            "duration": round(max(seconds, request.start_s), 3),
            "segments": count,
        }
        return answer | ({"speakers": len(names)} if request.diarize else {})

    def _by_speaker(
        self, job: Job, request: Request, blocks: Iterator[Samples]
    ) -> Iterator[tuple[int, float, Iterator[Samples]]]:
        """`blocks`, each part with who speaks in it and when it begins; one part, where nobody asked."""
        if not request.diarize:
            yield 0, 0.0, blocks
            return
        from .diarization.diarize import by_speaker
        from .diarization.models import DiarizationModels

        self._voices = self._voices or DiarizationModels()
        for stretch, part in by_speaker(blocks, self._voices, request.speakers, job.check):
            yield stretch.speaker, stretch.start, part

    def _live(self, job: Job, request: Request) -> dict[str, Any]:
        from .live.listener import LiveListener

        listener = LiveListener(self._recogniser, job, request, self._piece_length(job, request))
        count = 0
        for event in listener.events(_samples(job, request, _PATIENCE_S)):
            if isinstance(event, Segment):
                job.send_partial(_partial(count, event))
                count += 1
            else:
                job.send_partial(_told(event))
        return {
            "language": self._language(listener.options),
            "duration": round(listener.seconds, 3),
            "segments": count,
            "ended": listener.ended,
        }

    def _piece_length(self, job: Job, request: Request) -> PieceLength:
        """How long the pieces are: shorter where memory is, or where the request wants that."""
        economy = self._engine.PIECE_ECONOMY if job.economy else None
        return self._bounded(economy or self._engine.PIECE, request)

    def _bounded(self, length: PieceLength, request: Request) -> PieceLength:
        if not 0 < request.max_segment_s < length.longest:
            return length
        return PieceLength(min(length.shortest, request.max_segment_s / 2), request.max_segment_s)

    def _with_language(self, job: Job, options: Options, piece: Piece) -> Options:
        """`options` with the language of the recording, told from `piece`, where none is given."""
        if options.language is not None or len(self._model.languages) < 2:
            return options
        return replace(options, language=self._recogniser.language(job, piece))

    def _language(self, options: Options) -> str:
        return options.language or (self._model.languages[0] if len(self._model.languages) == 1 else "")


def _before(request: Request) -> int:
    """Frames before `start_s` that are read: with them, who resumes gets the text that there would have been."""
    return 0 if request.diarize else min(_BEFORE, int(request.start_s * RATE / FRAME))


def _begin_s(request: Request) -> float:
    return request.start_s - _before(request) * FRAME / RATE


def _samples(job: Job, request: Request, patience_s: float | None = None) -> Iterator[Samples]:
    from .audio.recording import raw_blocks

    job.params |= {"rate": request.rate, "channels": request.channels}  # its chunks may say so, and nothing else
    return raw_blocks(job.read(patience_s), request.rate, request.channels, apart=request.echo)


def _partial(number: int, segment: Segment) -> dict[str, Any]:
    """`segment` as it travels; times to the millisecond."""
    data: dict[str, Any] = {
        "kind": "segment",
        "id": number,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
    }
    if segment.speaker:
        data["speaker"] = segment.speaker
    if segment.words:
        data["words"] = [
            {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in segment.words
        ]
    return data


def _told(event: Unstable | Began | Nothing | Echo) -> dict[str, Any]:
    """What is no segment, as it travels."""
    data = asdict(event)
    if "start" in data:
        data["start"] = round(data["start"], 3)
    return {"kind": type(event).__name__.lower(), **data}


def _prepare() -> None:
    """Imports what reading audio needs, and makes the first recording's voice detector. What goes wrong is found again,
    and told, by who comes to need it."""
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        for module in _HEAVY:
            importlib.import_module(module)
        with importlib.import_module("hushd_worker_stt.segmentation.vad").Silero():
            pass  # it is kept for them
