"""hushd's jobs, done by a speech-to-text engine."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.job import Job

from . import catalogue
from .engine import RATE, Engine, Segment
from .request import Request

if TYPE_CHECKING:
    from .engine import Samples

_PROGRESS_S = 10.0  # of audio read between two words of progress
_HEAVY = ("hushd_worker_stt.audio", "hushd_worker_stt.live")  # numpy, soundfile, soxr


class SpeechToText:
    """What the harness runs: one model of one engine, one job at a time.

    One slot, because an engine's own threads already use the cores there are.
    """

    slots = 1

    def __init__(self, engine: str, model: str) -> None:
        self._engine_name = engine
        self._model_name = model

    def load(self, report: Callable[[str], None]) -> dict[str, Any]:
        """Loads the engine; returns `engine`, `model`, `languages`, `streaming` and `word_times`.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """
        kind = catalogue.find(self._engine_name)
        name = catalogue.model_name(kind, self._model_name)
        # numpy's import and an engine's native load take 0.1 s and more each, on different cores.
        imports = threading.Thread(target=_import_ahead, name="imports", daemon=True)
        imports.start()
        self._engine: Engine = kind()
        try:
            self._engine.load(name, report)
        finally:
            imports.join()
        try:
            for module in _HEAVY:
                importlib.import_module(module)
        except (ImportError, OSError) as error:
            raise HushdError(
                "engine_missing", f"Audio cannot be read here ({reason(error)}): {kind.INFO.install}."
            ) from error
        self._model = next(model for model in kind.INFO.models if model.name == name)
        return {
            "engine": kind.INFO.name,
            "model": name,
            "languages": list(self._model.languages),
            "streaming": kind.INFO.streaming,
            "word_times": kind.INFO.word_times,
        }

    def run(self, job: Job) -> dict[str, Any]:
        """Transcribes; the result holds `language`, `duration` in seconds, `segments`, their count, and for live
        audio `ended`. The text goes in partials.

        Raises:
            HushdError: `unsupported`, `bad_request`, `no_speech`, or what the input raises.
        """
        if job.op != "transcribe":
            raise HushdError("unsupported", f"A speech-to-text worker can 'transcribe', not {job.op!r}.")
        request = Request.parse(job.params, self._model.languages)
        self._engine.economy, self._engine.degraded = job.economy, False
        if job.input == "none":
            raise HushdError("bad_request", "There is nothing to transcribe: send audio, or name a file.")
        if request.live:
            answer = self._live(job, request)
        elif request.format == "s16le":
            answer = self._raw(job, request)
        else:
            answer = self._file(job, request)
        job.degraded = self._engine.degraded
        return {"language": request.language or self._model.languages[0], **answer}

    def _file(self, job: Job, request: Request) -> dict[str, Any]:
        from .audio import Recording

        with Recording(job) as recording:
            answer = self._transcribe(job, request, recording.blocks(), recording.duration)
            if recording.damage:
                raise recording.damage
            return answer

    def _raw(self, job: Job, request: Request) -> dict[str, Any]:
        from .audio import raw_blocks

        return self._transcribe(job, request, raw_blocks(job.read(), request.rate, request.channels), 0.0)

    def _transcribe(self, job: Job, request: Request, blocks: Iterator[Samples], total: float) -> dict[str, Any]:
        seconds, count = 0.0, 0

        def watched() -> Iterator[Samples]:
            nonlocal seconds
            due = _PROGRESS_S
            for block in blocks:
                job.check()
                seconds += len(block) / RATE
                if seconds >= due:
                    due = seconds + _PROGRESS_S
                    job.progress(seconds, total)
                yield block

        for segment in self._engine.transcribe(watched(), request.language):
            job.send_partial(_partial(count, segment))
            count += 1
        return {"duration": round(seconds, 3), "segments": count}

    def _live(self, job: Job, request: Request) -> dict[str, Any]:
        from .audio import raw_blocks
        from .live import Listener, Unstable

        listener = Listener(self._engine, request.language, request.silence_s, request.no_speech_s)
        count = 0
        for event in listener.events(raw_blocks(job.read(), request.rate, request.channels)):
            if isinstance(event, Unstable):
                job.send_partial({"kind": "unstable", "text": event.text})
            else:
                job.send_partial(_partial(count, event))
                count += 1
        return {"duration": round(listener.seconds, 3), "segments": count, "ended": listener.ended}


def _partial(number: int, segment: Segment) -> dict[str, Any]:
    """`segment` as it travels; times to the millisecond."""
    data: dict[str, Any] = {
        "kind": "segment",
        "id": number,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
    }
    if segment.words:
        data["words"] = [
            {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in segment.words
        ]
    return data


def _import_ahead() -> None:
    """Imports what reading audio needs. What goes wrong is found again, and told, by the import that follows."""
    with contextlib.suppress(ImportError, OSError):
        for module in _HEAVY:
            importlib.import_module(module)
