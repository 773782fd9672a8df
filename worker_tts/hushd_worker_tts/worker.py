"""The worker around an engine: takes a job, speaks it sentence by sentence, and sends the audio.

Where the job names neither voice nor language, the text's own language chooses the voice; if this engine has none for
it, the job is refused before its first sound, and its client asks a voice of that language. A voice that was named
speaks any text; afterwards a warning says that it does not speak that language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from hushd_models import inventory, languages, text_language
from hushd_models.choice import recommendation
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_protocol.system import paths
from hushd_reading.reader import read
from hushd_reading.sentences import MAX_FIRST
from hushd_schema import pronunciations
from hushd_schema.results import Capabilities
from hushd_worker import compute_device, harness
from hushd_worker.confinement import of_engine
from hushd_worker.engine_registry import choose_model
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker
from msgspec import structs

from . import params
from .engine import Engine, Voice, usual_model, usual_voice
from .engine_thread import EngineThread
from .registry import REGISTRY

_LANGUAGE_BYTES = 4000  # bytes
_SENTENCE = re.compile(r"\w.{8,}[.!?…。！？\n]|.{200}", re.DOTALL)  # enough to tell a language by


def serve(engine: str, model: str) -> None:
    """Serves the supervisor's jobs by a model of an engine, until it ends this process."""
    harness.serve(Worker(engine, model), of_engine("tts", engine))


class Worker(BaseWorker):
    """The text-to-speech worker that `hushd_worker.harness.serve` runs.

    It runs one job at a time, because an engine uses all the cores for one job; and beside it the jobs that waited for
    their clients, in turns of a piece.
    """

    slots = 1
    aside = 64

    def __init__(self, engine: str, model: str) -> None:
        self._name = engine
        self._model = model
        self.engine: Engine
        self._thread: EngineThread

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Finds and loads the engine; returns its capabilities. Raises `engine_missing` or `model_missing`."""
        self._thread = EngineThread()
        self._thread.call(lambda: self._load(report))
        self.slots = self.engine.parallel
        self._thread.staff(self.slots)
        voices = tuple(voice.name for voice in self.engine.voices() if voice.installed)
        device, why = compute_device.report(self.engine.compute_device, self.engine.why_there, self._spec.name)
        return Capabilities(
            engine=self._spec.name,
            model=self._model,
            voices=voices,
            compute_device=device,
            why_there=why,
            leave_s=self.engine.leave_s,
        )

    def _load(self, report: Callable[[str], None]) -> None:
        kind = REGISTRY.find(self._name)
        spec, models = kind.SPEC, kind.models()
        if not kind.available():
            raise HushdError("engine_missing", f"The engine {spec.name} is not installed: {kind.install()}.")
        model = choose_model(spec.name, self._model, usual_model(spec, models), [model.name for model in models])
        usual = params.default_voice(usual_voice(spec, models), kind.voices(), model)
        self._spec = structs.replace(spec, default_voice=usual)
        self.engine = kind(model)
        self.engine.load(report)
        from .levelling import Leveller  # noqa: PLC0415 - imports numpy
        from .speaking import SpeechJob  # noqa: PLC0415 - likewise

        self._speech, self._leveller = SpeechJob, Leveller(paths.find().loudness / f"{spec.name}.json")
        self._model = model

    def run(self, job: Job) -> JsonObject:
        """Speaks the job's text; returns `duration` (seconds), `rate` (Hz), `voice`, `speed` and `sentences`.

        Raises:
            HushdError: `bad_request` for wrong parameters and text without words; `model_missing` for a voice that is
                not installed; `unsupported` for another op.
            Cancelled: at the latest after the sentence being synthesised.
        """
        if job.op != "synthesize":
            raise HushdError("unsupported", f"A tts worker can only synthesize, not {quoted(job.op)}.")
        asked = params.read(job.params, self._spec, self.engine.voices())
        if asked.speed_warning:
            job.warn("speed_limited", asked.speed_warning)
        text = _Beginning(job.read())
        if asked.languages is not None:
            asked = replace(asked, voice=self._voice_for(text.first_sentence(), asked.voice, asked.languages))
            job.send_partial({"kind": "voice", "voice": asked.voice.name})
        pronounce = _pronunciations(job, asked)
        with self._speech(job, self.engine, self._thread, asked, self._leveller) as speech:
            # A text that is being written is divided as before, and so begins before its sentence ends.
            early = self.engine.begins_early and job.input != "stream" and not asked.timeline
            first = 2 * MAX_FIRST if early else MAX_FIRST
            for item in read(text, asked.markup, asked.voice.language, pronounce, self.engine.reads_phonemes, first):
                speech.speak(item)
            result = speech.close()
        if sentence := _foreign(text.text, asked.voice):
            job.warn("other_language", sentence)
        return result.data() | ({"warnings": job.warnings} if job.warnings else {})

    def _voice_for(self, text: str, usual: Voice, own: Sequence[str]) -> Voice:
        """Returns the voice for a text in its own language: `usual` where that speaks it or the language is not sure.
        Raises `other_language`, whose detail `language` is the text's: this engine has no voice for it, or a robotic
        one, before which another engine's natural one may come."""
        spoken = languages.code(usual.language)
        if spoken == languages.code(next(iter(own), "en")) == "en" and languages.is_plainly_english(text):
            return usual  # 30 ms less before the first word

        language = text_language.detect(text, own or [usual.language])
        if not language or text_language.may_be(language, spoken):
            return usual
        voices = [] if self._spec.robotic else self.engine.voices()
        able = (voice for voice in voices if voice.installed and voice.model == usual.model)
        if voice := next((voice for voice in able if languages.code(voice.language) == language), None):
            return voice
        unable = f"which the voice {usual.name} ({usual.language}) does not speak"
        sentence = f"The text is {languages.name(language)}, {unable}: `hushd get {language}` brings a voice that does."
        raise HushdError("other_language", sentence, detail={"language": language})

    def release_memory(self) -> None:
        """Has the engine give back memory that only work needs."""
        self._thread.call(self.engine.release_memory)

    def close(self) -> None:
        self.engine.close()


class _Beginning:
    """Passes chunks of text on, and keeps the beginning of the text."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._taken: list[bytes] = []  # texts that `first_sentence` has taken
        self._kept = b""

    def __iter__(self) -> Iterator[bytes]:
        yield from self._taken
        for chunk in self._chunks:
            self._keep(chunk)
            yield chunk

    def first_sentence(self) -> str:
        """Reads up to the end of the first sentence, which is spoken only when it is here; returns the text so far."""
        for chunk in self._chunks:
            self._taken.append(chunk)
            self._keep(chunk)
            if _SENTENCE.search(self.text):
                break
        return self.text

    def _keep(self, chunk: bytes) -> None:
        if len(self._kept) < _LANGUAGE_BYTES:
            self._kept += chunk[: _LANGUAGE_BYTES - len(self._kept)]

    @property
    def text(self) -> str:
        """Returns the beginning of the text, as far as it was read."""
        return self._kept.decode(errors="ignore")


def _pronunciations(job: Job, asked: params.SynthesizeParams) -> Mapping[str, str]:
    """Returns the user's usual pronunciations in the voice's language, overridden by those of the request."""
    if asked.list_fault:
        job.warn("pronunciations", asked.list_fault)
    if not asked.usual_pronunciations:
        return asked.pronounce

    usual = pronunciations.parse(asked.usual_pronunciations, "pronunciations.txt")
    if usual.mistakes:
        job.warn("pronunciations", usual.mistakes[0])
    return usual.table(asked.voice.language) | dict(asked.pronounce)


def _foreign(text: str, voice: Voice) -> str:
    """Returns a sentence if the text's language is certainly not the voice's, with the way to one that speaks it;
    otherwise nothing."""
    voice_language = languages.code(voice.language)
    if voice_language == "en" and languages.is_plainly_english(text):
        return ""

    language = text_language.certain(text)
    if not language or text_language.may_be(language, voice_language):
        return ""
    if inventory.serves(Store(paths.find()), "tts", language):
        instead = f": choose the language {language}"
    else:
        instead = recommendation.for_language("tts", language)
    unable = f"which the voice {voice.name} ({voice.language}) does not speak"
    return f"The text is {languages.name(language)}, {unable}{instead}."
