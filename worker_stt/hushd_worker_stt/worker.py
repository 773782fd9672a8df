"""Runs hushd's transcription jobs by one speech-to-text engine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities
from hushd_worker import compute_device, harness
from hushd_worker.confinement import of_engine
from hushd_worker.engine_registry import choose_model
from hushd_worker.errors import importing
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

from .engine import Engine, of_model
from .registry import REGISTRY
from .request import Request

_ON_CARD = 8, 64  # slots and sessions


def serve(engine: str, model: str) -> None:
    """Serves the supervisor's jobs by a model of an engine, until it ends this process."""
    harness.serve(SpeechToText(engine, model), of_engine("stt", engine))


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
            from .hearing import Hearing  # noqa: PLC0415 - imports numpy

        if self.engine.feed_s:  # an engine with an open stream cannot do anything else
            self.slots, self.sessions, self.aside = 1, 0, 0
        elif self.engine.batch > 1 and self.engine.compute_device != "cpu":
            self.slots, self.sessions = _ON_CARD
        else:
            self.slots = self.engine.parallel
        self._model = next(model for model in kind.models() if model.name == name)
        self._spec = of_model(spec, self._model)
        self._hearing = Hearing(self.engine, self._model)

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
        if own := self._hearing.own_words(job, request):
            request = replace(request, own=own)
            takes = self._spec.options is None or "hotwords" in self._spec.options
            # Hotwords make other words wrong, so that an engine that can tell how likely an own word is gets none.
            english = (request.language or "en").partition("-")[0] == "en"
            if takes and not (english and self.engine.scoring("en")):
                request = replace(request, hotwords=", ".join(filter(None, (request.hotwords, *own.names))))
        result = self._hearing.run(job, request)
        warnings = [*request.warnings(self._spec), *job.warnings]
        return result.data() | ({"warnings": warnings} if warnings else {})

    def release_memory(self) -> None:
        self.engine.release_memory()

    def close(self) -> None:
        self.engine.close()


def _prepare() -> None:
    """Imports the modules for reading audio, and loads the voice detector.

    A failure is ignored here, since the use of the failed part will raise and report the same error.
    """
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from . import hearing  # noqa: PLC0415 - imports numpy

        hearing.load_detector()
