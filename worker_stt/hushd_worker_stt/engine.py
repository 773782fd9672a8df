"""The contract of a speech-to-text engine, and its types.

An engine is a class that its spec (`SPEC`) names. Its module must import nothing heavy, since `--describe` imports it.
Everything heavy belongs in `load`.

An engine is given one piece of speech at a time and returns its text. hushd itself reads files, levels, finds speech,
cuts long speech, listens live and separates speakers, in the same way for all engines.

Audio is float32, mono, 16,000 samples per second, full scale at -1 and 1, one-dimensional arrays of any length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from hushd_models import languages
from hushd_worker.engine import BaseEngine
from hushd_worker.engine import Model as Model  # engines of other packages import it from here, too
from msgspec import structs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from hushd_schema.engines import EngineSpec

# Texts, so that this module does without numpy.
Samples: TypeAlias = "npt.NDArray[np.float32]"
Rating: TypeAlias = "Callable[[Samples], float]"  # the mean log probability of the words in samples
Scoring: TypeAlias = "Callable[[Samples, Sequence[str]], list[float]]"  # the log probability of each text of samples
RATE = 16_000  # samples per second of all audio inside this worker
_ENGLISH = "en"  # the language for which models take others, so that it is never made likelier
# Whisper base, so weighted, tells 143 of 181 clips of 0.5 to 3 s in French, German, Portuguese and Spanish right,
# unweighted 102; of 112 in English, of users of each of these, 108 and 109 (docs/BENCHMARKS.md).
_OWN_WEIGHT = 10
# A language that is neither one of these nor English counts as little as the square of the seconds that were heard, 1
# from 4.5 s on. Chosen on half of 224 clips, most of 0.5 to 3 s (docs/BENCHMARKS.md).
_FOREIGN_S2 = 20.0


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its times, in seconds from the start of the audio.

    `probability` is the model's own, from 0 to 1; None if it has none.
    """

    text: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech as text; times are in seconds, never before the last segment's.

    `words` is empty if the engine cannot time words, `speaker` without diarization. hushd sets `speaker`, `language`
    where that is not the recording's, `unlikely` where the text is probably wrong, and `unjudged` where that is not
    known yet.

    Two figures of the model, None if it has none: the mean `log_probability` of its tokens, and the
    `language_probability` that the language in which the piece was read is spoken in it.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str = ""
    language: str = ""
    unlikely: bool = False
    unjudged: bool = False
    log_probability: float | None = None
    language_probability: float | None = None

    def within(self, end: float) -> Segment:
        """Returns the segment without times after `end`, and its words without times before 0."""

        def inside(seconds: float) -> float:
            return min(max(0.0, seconds), end)

        words = tuple(replace(word, start=inside(word.start), end=inside(word.end)) for word in self.words)
        return replace(self, start=min(self.start, end), end=min(self.end, end), words=words)


@dataclass(frozen=True, slots=True)
class Options:
    """Options for one piece. An engine ignores options that its model does not use, except `translate`.

    Attributes:
        language: the spoken language, as in `Model.languages`; only None if the model has one language or cannot be
            told which.
        translate: whether to translate into English; only set for engines whose model translates.
        prompt: the text before the piece, for names and style.
        hotwords: the words to expect, separated by commas.
        beam: the number of hypotheses that are followed at once; None is the engine's default.
        temperature: the temperature; 0 is the likeliest text, None the engine's default.
        word_times: whether `Segment.words` is requested.
        tries: how many texts of a piece are tried at most, each if the one before is doubtful; None is the engine's
            default. Somebody waits for live speech, and a draft is replaced anyway.
        decoder: the options of Whisper's decoder, by openai-whisper's names (`hushd_worker_stt.request`).
        languages: those of the user, where none was requested: see `DetectedLanguage.of_user`.
        named: whether the language was requested, so that nobody doubts it.
        speech_end_s: the second of the piece at which its speech ends by the detector; None if that is unknown.
    """

    language: str | None = None
    translate: bool = False
    prompt: str = ""
    hotwords: str = ""
    beam: int | None = None
    temperature: float | None = None
    word_times: bool = False
    tries: int | None = None
    decoder: Mapping[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    named: bool = field(default=False, compare=False)
    speech_end_s: float | None = field(default=None, compare=False)


def of_model(spec: EngineSpec, model: Model) -> EngineSpec:
    """Returns the spec of an engine with `model`, whose abilities may differ from others'; one of English alone would
    write nonsense as a translation."""
    several = set(map(languages.code, model.languages)) != {"en"}
    return structs.replace(
        spec,
        streaming=spec.streaming if model.streaming is None else model.streaming,
        word_times=spec.word_times if model.word_times is None else model.word_times,
        options=spec.options if model.options is None else model.options,
        translates=spec.translates and model.translation is not False and several,
    )


@dataclass(frozen=True, slots=True)
class DetectedLanguage:
    """A language detected in speech, as in `Model.languages`, and its probability, from 0 to 1, or None.
    `likely`: the probabilities of all languages, where the model tells them."""

    tag: str
    probability: float | None = None
    likely: Mapping[str, float] = field(default_factory=dict, compare=False)

    @classmethod
    def likeliest(cls, likely: Mapping[str, float]) -> DetectedLanguage:
        tag = max(likely, key=likely.__getitem__)
        return cls(tag, likely[tag], likely)

    def of_user(self, own: Sequence[str], seconds: float) -> DetectedLanguage:
        """Returns the language if a user with these languages has spoken for so long; the same where the model tells
        only one."""
        return self.likeliest(weighted(self.likely, own, seconds)) if self.likely else self


def weighted(likely: Mapping[str, float], own: Sequence[str], seconds: float) -> Mapping[str, float]:
    """Returns the languages' probabilities if a user who has `own` languages has spoken for so long."""
    if not own:
        return likely
    foreign = min(1.0, seconds**2 / _FOREIGN_S2)
    weights = {_ENGLISH: 1.0} | {code: _OWN_WEIGHT for each in own if (code := languages.code(each)) != _ENGLISH}
    weighed = {tag: each * weights.get(languages.code(tag), foreign) for tag, each in likely.items()}
    total = sum(weighed.values()) or 1.0
    return {tag: weight / total for tag, weight in weighed.items()}


@dataclass(frozen=True, slots=True)
class PieceLength:
    """The best seconds of audio per call of an engine: a piece is cut at a pause after `shortest`, if there is one."""

    shortest: float
    longest: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The text of an open stream so far: `committed` stays until the end, `tentative` after it may change. Neither is
    final: the text at the stream's end may differ from both."""

    committed: str
    tentative: str


class EngineStream(ABC):
    """An utterance that the engine hears while it is spoken. It ends with `finish` or with `cancel`, after which `feed`
    and `finish` raise RuntimeError. Calls come one at a time, from any thread.
    `language`: the spoken language, as in `Model.languages`, if the model detects it."""

    language: str | None = None

    @abstractmethod
    def feed(self, samples: Samples) -> Hypothesis:
        """Reads the next sound, usually `Engine.feed_s` seconds, sometimes less; returns the text so far, whose
        `committed` part only grows."""

    @abstractmethod
    def finish(self) -> list[Segment]:
        """Ends the stream; returns its final text, with times from the stream's beginning."""

    @abstractmethod
    def cancel(self) -> None:
        """Ends the stream without a text; does nothing after `finish` or another `cancel`."""


@dataclass(frozen=True, slots=True)
class LevelRange:
    """The levels of speech (`audio.level.level`; full scale is 1) between which an engine gets unchanged audio. Quieter
    audio is amplified to `quietest`, louder audio attenuated to `loudest`."""

    quietest: float
    loudest: float


class Engine(BaseEngine):
    """A `BaseEngine` that hears. All calls after `load` come one at a time, from any thread.

    Attributes:
        PIECE: the length of pieces for `transcribe`; an engine may set another one for a loaded model.
        PIECE_ECONOMY: the same if memory is short; None: shorter pieces save nothing.
        LEVEL: the level of speech for `transcribe`. One value for both ends suits a model that was measured to work
            best at one level; a range leaves the levels of a model's training unchanged.
        HABITS: texts that the models write of music or noise, and hushd leaves out where nobody surely speaks.
        feed_s: set by `load` if the model streams: the best seconds of audio per feed. Its process then has one job at
            a time. 0: there are no streams, and `transcribe` handles live speech.
        any_feeds: set by `load` if the words of a stream do not depend on the lengths of its feeds.
        batch: set by `load`: the maximum number of pieces for `transcribe_batch`; the best one is measured at work.
        parallel: set by `load`: how many calls of `transcribe` may be made at once, each on a thread of its own, which
            alone sees its `economy`, `degraded` and `check`.
        needs_language: set by `load` if the model reads all speech as the language that it is told.
    """

    PIECE: PieceLength = PieceLength(15.0, 30.0)
    PIECE_ECONOMY: PieceLength | None = None
    LEVEL: LevelRange = LevelRange(0.1, 1.0)
    HABITS: Collection[str] = ()
    feed_s = 0.0
    any_feeds = False
    batch = 1
    parallel = 1
    needs_language = False

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        """Returns all models: the well-known ones, and the user's own in hushd's models folder."""
        return Model.well_known(cls.SPEC)

    @classmethod
    @abstractmethod
    def installed(cls, model: str) -> bool:
        """Returns whether `model` can be loaded here, with installed code and weights. Imports nothing heavy."""

    @abstractmethod
    def load(self, model: str, report: Callable[[str], None]) -> None:
        """Loads `model`, a name from `models()`; `report` restarts the supervisor's start timer. Raises
        `engine_missing` or `model_missing`."""

    @abstractmethod
    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        """Transcribes `samples`: at most `PIECE.longest` seconds of speech, within `LEVEL`; times from its start.
        Raises `unsupported` for an option that it does not support."""

    def transcribe_batch(self, pieces: Sequence[Samples], options: Sequence[Options]) -> list[list[Segment]]:
        """Transcribes several pieces, each with its own options, to the same texts as `transcribe`.

        A graphics card takes little more time for that than for one piece.
        """
        return [list(self.transcribe(samples, chosen)) for samples, chosen in zip(pieces, options, strict=True)]

    def begin(self, options: Options) -> EngineStream:
        """Opens a stream; only called for a model with `feed_s`, and while no other stream is open.

        `Options.language` may be None for a model of several languages: the stream detects the language itself, unless
        another model has identified it. Raises `unsupported` for an option that it does not support.
        """
        raise NotImplementedError(f"{self.SPEC.name} has no streams")

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        """Returns the language spoken in `samples`; None if the model cannot tell."""
        return None

    def scoring(self, language: str) -> Scoring | None:
        """Returns what scores texts of speech in a language, with the memory that it takes until it is dropped; None if
        the engine cannot."""
        return None

    def rating(self) -> Rating | None:
        """Returns what rates short speech, with the memory that it takes until it is dropped; None if the engine cannot
        tell how sure it is, or tells it with each segment."""
        return None
