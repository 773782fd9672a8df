"""The contract of a speech-to-text engine, and the words it uses.

An engine is a class with a static description (`INFO`), found by the entry point group `hushd.stt_engines`. Its module
must import nothing heavy: `--describe` imports it. Everything heavy belongs into `load`.

An engine is given one piece of speech at a time and says what was said in it. Reading files, levelling, finding
speech, cutting what is long, listening live and telling speakers apart is hushd's, and the same for all of them.

Audio is float32, mono, 16,000 samples a second, full scale at -1 and 1, one-dimensional arrays of any length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hushd_models import languages
from hushd_models.installation import engine_command
from hushd_protocol.light_dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt
    from hushd_schema.engines import EngineSpec

    Samples: TypeAlias = npt.NDArray[np.float32]

RATE = 16_000  # samples a second of all audio inside this worker


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in seconds from the start of the audio.

    `probability` is the model's own, from 0 to 1; None where it knows none.
    """

    text: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech as text; times in seconds, never before the last segment's.

    `words` is empty where the engine knows no word times, `speaker` where nobody asked who spoke.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """Options for one piece. An engine ignores those that its model has no use for, except `translate`.

    Attributes:
        language: what is spoken, as in `ModelInfo.languages`; None only where the model knows one language or cannot
            tell them apart.
        translate: into English; asked only of engines whose `EngineInfo.translation` is true.
        prompt: text that came before, for names and style.
        hotwords: words to expect, separated by commas.
        beam: hypotheses followed at once; None is the engine's default.
        temperature: 0 is the likeliest text; None is the engine's default.
        word_times: whether `Segment.words` is wanted.
        decoder: options of Whisper's decoder, by openai-whisper's names (`hushd_worker_stt.decoder`).
    """

    language: str | None = None
    translate: bool = False
    prompt: str = ""
    hotwords: str = ""
    beam: int | None = None
    temperature: float | None = None
    word_times: bool = False
    decoder: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model an engine can load. `memory_mb` is an estimate of the worker's PSS with it, in 10^6 bytes.

    `embedded` says that its weights come with the engine's package, so that nothing has to be downloaded;
    `translation`, whether it was trained to translate, where its engine can. `streaming`, `word_times` and `options`
    are as in `EngineInfo`, for an engine whose models differ; None: as its engine says.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: int
    embedded: bool = False
    translation: bool = True
    streaming: bool | None = None
    word_times: bool | None = None
    options: tuple[str, ...] | None = None

    @classmethod
    def well_known(cls, spec: EngineSpec) -> tuple[ModelInfo, ...]:
        """The models of its engine's role that a spec names, those with several names under each."""
        return tuple(
            cls(
                name,
                tuple(content["languages"].split()),
                content["memory_mb"],
                embedded="package" in content,
                translation=content.get("translation", True),
            )
            for own, content in spec.models.items()
            if content.get("role", spec.role) == spec.role
            for name in (own, *content.get("aliases", ()))
        )


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The static description of an engine, known without loading it.

    Attributes:
        install: the command that brings it.
        streaming: whether it is quick enough for text while a person speaks.
        word_times: whether it knows when each word was said.
        translation: whether it can translate into English.
        options: which of the schema's fields that are `by_engine` it uses; a result warns of others. None: unknown.
    """

    name: str
    install: str
    default_model: str
    models: tuple[ModelInfo, ...]
    streaming: bool
    word_times: bool
    translation: bool = False
    options: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        spec: EngineSpec,
        *,
        streaming: bool = False,
        word_times: bool = False,
        translation: bool = False,
        options: tuple[str, ...] | None = None,
    ) -> EngineInfo:
        """The description of the engine that has a spec."""
        return cls(
            name=spec.name,
            install=engine_command(spec),
            default_model=spec.default_model,
            models=ModelInfo.well_known(spec),
            streaming=streaming,
            word_times=word_times,
            translation=translation,
            options=options,
        )

    def of_model(self, model: ModelInfo) -> EngineInfo:
        """The same of the engine with `model`: where that differs from the engine's others, its own."""
        return replace(
            self,
            streaming=self.streaming if model.streaming is None else model.streaming,
            word_times=self.word_times if model.word_times is None else model.word_times,
            options=self.options if model.options is None else model.options,
        )

    def translates(self, model: ModelInfo) -> bool:
        """Returns whether `model` can translate into English: one that knows nothing else writes nonsense instead."""
        return self.translation and model.translation and set(map(languages.code, model.languages)) != {"en"}


@dataclass(frozen=True, slots=True)
class DetectedLanguage:
    """A language that was found in speech, as in `ModelInfo.languages`; how likely it is, from 0 to 1, or None."""

    tag: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class PieceLength:
    """Seconds of audio an engine is best given at once: cut at a pause, if there is one, after `shortest`."""

    shortest: float
    longest: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The text of an open stream so far: `committed` stays until the end, `tentative` behind it may change. Neither is
    final: what the stream's end says may contradict both."""

    committed: str
    tentative: str


class EngineStream(ABC):
    """One utterance that the engine hears while it is spoken. It ends with `finish` or with `cancel`, after which
    `feed` and `finish` raise `RuntimeError`. Calls come one at a time, from any thread.

    Attributes:
        language: the language that is spoken, as in `ModelInfo.languages`, where the model was not told and knows.
    """

    language: str | None = None

    @abstractmethod
    def feed(self, samples: Samples) -> Hypothesis:
        """Takes the next sound, `Engine.feed_s` seconds as a rule, sometimes less; returns the text so far, of which
        `committed` only grows."""

    @abstractmethod
    def finish(self) -> list[Segment]:
        """Ends the stream; returns its final text, with times from the stream's beginning."""

    @abstractmethod
    def cancel(self) -> None:
        """Ends the stream without a text; after `finish`, or once more, it does nothing."""


@dataclass(frozen=True, slots=True)
class LevelRange:
    """Levels of speech (`audio.level.level`; full scale is 1) between which an engine is given audio as it is. Quieter
    audio is amplified to `quietest`, louder audio attenuated to `loudest`."""

    quietest: float
    loudest: float


def _nobody_asks() -> None:
    """No client, nobody to cancel."""


class Engine(ABC):
    """One loaded model. All calls after `load` come one at a time, from any thread.

    Attributes:
        PIECE: what `transcribe` is given at once; an engine may set its own for a model it has loaded.
        PIECE_ECONOMY: the same where memory is short; None: there is nothing to be saved by shorter pieces.
        LEVEL: how loud the speech is that `transcribe` is given. One value for both ends suits a model that was
            measured to hear best at one level; a range leaves alone what a model was trained on.
        feed_s: set by `load` where the model streams: seconds of audio that a stream is best fed at once. Its process
            then has one job at a time. 0: there are no streams, and live speech goes through `transcribe`.
        any_feeds: set by `load` where the words of a stream do not depend on how its sound is cut into feeds.
        batch: set by `load`: pieces that `transcribe_batch` takes at most; whether that pays is measured at work.
        compute_device: set by `load`: `cpu`, `cuda`, `rocm`, `vulkan` or `mps` (`hushd_worker.compute_device`).
        why_there: set by `load` where a card was there and is not used: the reason.
        economy: set before each piece: memory is short, so work with less of it if there is a way (a smaller beam),
            at the cost of quality if need be.
        degraded: cleared before each job; the engine sets it once it has done so, which the result reports. An engine
            without a cheaper way leaves it.
        check: set before each piece: raises `Cancelled` once its client has gone. An engine that takes seconds for a
            piece calls it now and then, and lets that pass through.
    """

    INFO: ClassVar[EngineInfo]
    PIECE: PieceLength = PieceLength(15.0, 30.0)
    PIECE_ECONOMY: PieceLength | None = None
    LEVEL: LevelRange = LevelRange(0.1, 0.7)
    feed_s = 0.0
    any_feeds = False
    batch = 1
    compute_device = "cpu"
    why_there = ""
    economy = False
    degraded = False
    check: Callable[[], None] = staticmethod(_nobody_asks)

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        """The models there are: the well-known ones, and what the user has put into hushd's models folder."""
        return cls.INFO.models

    @classmethod
    @abstractmethod
    def installed(cls, model: str) -> bool:
        """Returns whether `model` could be loaded here: code and weights are there. Imports nothing heavy."""

    @abstractmethod
    def load(self, model: str, report: Callable[[str], None]) -> None:
        """Loads `model`, a name from `models()`; `report` re-arms the supervisor's start timer.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """

    @abstractmethod
    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        """Transcribes `samples`: at most `PIECE.longest` seconds of speech, within `LEVEL`; times from its start.

        Raises:
            HushdError: `unsupported` for an option that it cannot do.
        """

    def transcribe_batch(self, pieces: Sequence[Samples], options: Sequence[Options]) -> list[list[Segment]]:
        """Transcribes several pieces, each with its own options, into the text that `transcribe` has for each.

        A graphics card does so in little more than the time of one piece.
        """
        return [list(self.transcribe(samples, chosen)) for samples, chosen in zip(pieces, options, strict=True)]

    def begin(self, options: Options) -> EngineStream:
        """Opens a stream; asked only of a model with `feed_s`, and while no other one is open.

        `Options.language` may be None for a model of several languages: the stream finds out by itself, unless
        something else has identified it.

        Raises:
            HushdError: `unsupported` for an option that it cannot do.
        """
        raise NotImplementedError(f"{self.INFO.name} has no streams")

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        """The language spoken in `samples`; None where the model cannot tell, and another may identify it."""
        return None
