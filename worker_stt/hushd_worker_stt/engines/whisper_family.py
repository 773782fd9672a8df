"""The common part of OpenAI's own Whisper and faster-whisper: models, options, and filters against invented text.

Whisper takes windows of 30 s, padded with silence, and reports when each of its sentences begins and ends. Audio after
the last sentence is transcribed again, in another window. For silence and noise Whisper invents sentences. To prevent
that, pieces only contain speech (by the worker), a piece gets no earlier text as a prompt, windows without speech by
Whisper's own judgement are dropped, and so are windows that begin so late in a piece that hardly any audio is left.
"""

from __future__ import annotations

import base64
import gzip
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hushd_models import advice, weights
from hushd_models.installation import engine_installed
from hushd_protocol.names import is_name
from hushd_protocol.system.footprint import cores
from hushd_schema import engines
from hushd_schema.engines import whisper
from hushd_schema.operations.decoder import OFF
from hushd_worker import compute_device
from hushd_worker.errors import importing, loading
from hushd_worker.quick_start import read_ahead

from hushd_worker_stt import rendezvous, wording
from hushd_worker_stt.engine import (
    RATE,
    DetectedLanguage,
    Engine,
    Model,
    Options,
    PieceLength,
    Segment,
    Word,
    weighted,
)  # fmt: skip

from .whisper_window import MIN_WINDOW_S, SURE_OF_LANGUAGE, Doubtful, OfThread, Window

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

BEAM = 5  # the default of both packages' command lines
# Doubtful texts are decoded by chance: after this seed the next start of a worker makes the same texts.
FIRST_SEED = 0
# Each is tried if the text of the one before is doubtful, as in both packages.
_FALLBACK: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# A short window's text is kept if it covers the speech: it ends no earlier before the speech's end, and has as many
# bytes a second, in which languages differ less than in letters.
_UNCOVERED_S, _LEAST_BYTES_PER_S = 0.3, 8
# A piece shorter than this has few words, and none was lost where its mean log probability was not below the second
# figure: of 57 commands of 0.5 to 2.5 s base lost 2 words of the package's with one below -0.5, and none with one
# above. Of 25 sentences of 4 s and more none is lost anyway.
_SHORT_PIECE_S, _SURE_SCORE = 4.0, -0.45
# These bound a draft's text, where a loop of 224 would take a second or more; some scripts have three tokens a
# character.
_TOKENS_PER_S, _SPARE_TOKENS, _MOST_TOKENS = 25, 20, 220
# Languages that Whisper takes for each other, so that one speaks for all of its row.
_ALIKE = ("no nn da", "hr bs sr", "id ms jw su", "hi ur", "pt gl", "cs sk", "ru uk be", "mk bg", "tr az", "zh yue")


@dataclass(frozen=True, slots=True)
class Decoding:
    """The decoding of one piece: `Options`, with defaults, aliases and economy applied.

    `last_window` is the latest start, in seconds, of a window whose text is kept; `tokens` the most of its text, None
    for the model's own bound. `decoder` is as in `Options`.
    """

    language: str | None
    task: str
    prompt: str
    hotwords: str
    beam: int
    temperatures: tuple[float, ...]
    word_times: bool
    last_window: float
    tokens: int | None
    decoder: Mapping[str, Any] = field(default_factory=dict)

    def given(self, *names: str) -> dict[str, Any]:
        """Returns the given options of the decoder, in the form of both packages: None switches a threshold off."""
        return {
            name: None if self.decoder[name] == OFF else self.decoder[name] for name in names if name in self.decoder
        }


# The options that the engines of both packages use, in their own ways.
SHARED = (
    "prompt", "hotwords", "beam_size", "temperature", "best_of", "temperature_increment", "condition_on_previous_text",
    "carry_initial_prompt",
)  # fmt: skip


class WhisperFamily(Engine):
    """An engine for Whisper's models. A subclass sets `SPEC`, finds models, and decodes.

    Attributes:
        COMPUTE_TYPES: the possible values of HUSHD_COMPUTE_TYPE.
        compute_type: the configured one; empty: the engine's default.
        timestamps: set by a subclass's `load`: whether the model learnt the times of sentences. Without them a piece is
            one window and one segment.
        window: what each thread encodes.
    """

    # A window has silence besides, so pieces are long.
    PIECE = PieceLength(15.0, 29.5)
    HABITS = wording.WHISPER
    COMPUTE_TYPES: ClassVar[tuple[str, ...]]
    compute_type = ""
    timestamps = True
    economy = OfThread[bool]("economy")
    degraded = OfThread[bool]("degraded")
    check = OfThread[Callable[[], None]]("check")

    def __init__(self) -> None:
        self.window = Window()
        super().__init__()

    @classmethod
    @abstractmethod
    def find(cls, model: str) -> Path | None:
        """Returns the path of the weights of `model`; None if they are not on this machine."""

    @classmethod
    @abstractmethod
    def own(cls, path: Path) -> Model | None:
        """Returns the model at `path`, an entry of the models folder, or None if it is not a model."""

    @property
    def _max_batch(self) -> int:
        """Returns the largest batch worth a try. On two cores two pieces were 1.1 times as fast as one, and four slower
        than two."""
        return min(16, max(2, cores() // 2)) if self.compute_device == "cpu" else 16

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        known = {model.name: model for model in super().models()}
        places = weights.entries(cls.SPEC.name)
        own = {model.name: model for path in places if (model := cls.own(path)) and is_name(model.name)}
        for name in weights.pulled(cls.SPEC.name):
            if name not in known and (path := cls.find(name)) and (model := cls.own(path)):
                own[name] = replace(model, name=name)
        return (*known.values(), *(model for name, model in own.items() if name not in known))

    @classmethod
    def installed(cls, model: str) -> bool:
        return engine_installed(cls.SPEC) and cls.find(model) is not None

    def load(self, model: str, report: Callable[[str], None]) -> None:
        path = self.find(model)
        if path is not None:
            read_ahead([path, path / "model.bin"])
        with importing(f"The engine {self.SPEC.name!r} is not installed", self.install()):
            self._import()
        if path is None:
            raise advice.missing(f"{self.SPEC.name}/{model}")
        self.compute_type = compute_device.compute_type(self.COMPUTE_TYPES)
        report("loading the model")
        self._languages = next(info.languages for info in self.models() if info.name == model)
        again = f"replace {path} by a complete copy"
        with loading(f"{self.SPEC.name}/{model}", install=self.install(), again=again):
            self._load(model, path, report)

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        import numpy as np

        # NaN and overflows would give torch invalid probabilities, for which it raises an error.
        samples = np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
        length = len(samples) / RATE
        beam, temperatures = options.beam or BEAM, _temperatures(options)
        if self.economy and (beam > 1 or len(temperatures) > 1):
            # Each hypothesis has its own memory of the decoded text, and so does each of the fallback's samples.
            beam, temperatures = 1, temperatures[:1]
            self.degraded = True
        # A card takes no time for a whole window; without further temperatures nothing would follow a loop.
        self.window.short = self.compute_device == "cpu" and len(temperatures) > 1 and not temperatures[0]
        draft, most = options.tries == 1, int(_TOKENS_PER_S * length) + _SPARE_TOKENS
        decoding = Decoding(
            language=options.language or (self._languages[0] if len(self._languages) == 1 else None),
            task="translate" if options.translate else "transcribe",
            prompt=options.prompt.strip(),
            hotwords=options.hotwords.strip(),
            beam=beam,
            temperatures=temperatures[: options.tries],
            # The words of a translation were never spoken.
            word_times=options.word_times and not options.translate,
            last_window=max(0.0, length - MIN_WINDOW_S) if self.timestamps else 0.0,
            tokens=min(most, _MOST_TOKENS) if draft else None,
            decoder=options.decoder,
        )
        likely = self._spoken(samples, options.language, options.languages)
        self.window.shortened = False
        try:
            segments = list(self._decode(samples, decoding))
        except Doubtful:
            self.window.short = self.window.shortened = False
            segments = list(self._decode(samples, decoding))
        if self.window.shortened and not draft:
            unsure = length < _SHORT_PIECE_S and any(
                (segment.log_probability or 0.0) < _SURE_SCORE for segment in segments
            )
            if unsure or not _covers(segments, samples, options.speech_end_s):
                self.window.short = False
                segments = list(self._decode(samples, decoding))
        if decoding.word_times and not segments:
            # Text without times is better than none: both packages drop a segment whose words they cannot place.
            segments = list(self._decode(samples, replace(decoding, word_times=False)))
        # Inside the piece, since its window has 30 s.
        return [replace(segment, language_probability=likely).within(length) for segment in segments]

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        self.window.short = self.compute_device == "cpu"
        if not (likely := self._sure(samples, lambda likely: max(likely.values()))):
            return None
        return DetectedLanguage.likeliest(likely)

    def _spoken(self, samples: Samples, language: str | None, own: Sequence[str]) -> float | None:
        """Returns the probability that `language`, or one that is taken for it, is spoken by a user with `own`
        languages; None if that is unknown."""
        if not language:
            return None
        alike = next((row.split() for row in _ALIKE if language in row.split()), [language])

        def of(likely: Mapping[str, float]) -> float:
            return sum(likely.get(tag, 0.0) for tag in alike)

        return of(weighted(likely, own, len(samples) / RATE)) if (likely := self._sure(samples, of)) else None

    def _sure(self, samples: Samples, of: Callable[[Mapping[str, float]], float]) -> Mapping[str, float]:
        """Returns the languages' probabilities by the whole window where those by a short one are unsure."""
        likely = self._likely(samples)
        return (
            self._likely(samples) if likely and of(likely) < SURE_OF_LANGUAGE and self.window.encode_whole() else likely
        )

    def transcribe_batch(self, pieces: Sequence[Samples], options: Sequence[Options]) -> list[list[Segment]]:
        all_of = partial(self._all, self.check)
        return rendezvous.run([partial(all_of, *each) for each in zip(pieces, options, strict=True)])

    def _all(self, check: Callable[[], None], samples: Samples, options: Options) -> list[Segment]:
        self.check = check
        return list(self.transcribe(samples, options))

    @abstractmethod
    def _import(self) -> None:
        """Imports the package. Raises ImportError or OSError where it is not installed, or does not load."""

    @abstractmethod
    def _load(self, model: str, path: Path, report: Callable[[str], None]) -> None:
        """Loads `model` from `path`; raises any error of its package."""

    @abstractmethod
    def _likely(self, samples: Samples) -> Mapping[str, float]:
        """Returns the probability of each language to be the one spoken; none of a model that knows one. The window is
        not encoded again for its text, which is half of the work."""

    @abstractmethod
    def _decode(self, samples: Samples, decoding: Decoding) -> Iterator[Segment]:
        """Yields the segments that the model finds in `samples`."""


def _temperatures(options: Options) -> tuple[float, ...]:
    """Returns the temperatures to try, each if the text of the one before is doubtful."""
    first, step = options.temperature, options.decoder.get("temperature_increment")
    if step is None:
        return _FALLBACK if first is None else (first,)
    first = first or 0.0
    if step == OFF:
        return (first,)
    return tuple(min(1.0, first + n * step) for n in range(int((1.0 - first) / step + 1e-6) + 1))


def words(timed: Iterable[tuple[str, float, float, float]]) -> tuple[Word, ...]:
    """Returns the words of text, start, end and probability, as both packages find them: a blank before one belongs to
    its text. What follows an apostrophe or a hyphen without a blank is the same word, as in "d'assumer"."""
    joined: list[Word] = []
    for text, start, end, probability in timed:
        if joined and text[:1] in ("'", "\u2019", "-"):
            before = joined.pop()
            text, start, probability = before.text + text, before.start, min(before.probability or 0.0, probability)
        joined.append(Word(text.strip(), float(start), float(end), float(probability)))
    return tuple(joined)


def _covers(segments: Sequence[Segment], samples: Samples, speech_end_s: float | None) -> bool:
    """Returns whether a text can be that of all speech in a piece's `samples`, and of nothing else.

    Speech ends where the detector or the level says so, whichever is earlier: behind it the level is that of a noise,
    for which no text needs to be there.
    """
    from hushd_worker_stt.audio.level import trim  # noqa: PLC0415 - imports numpy

    length, (before, speech) = len(samples) / RATE, trim(samples, 0)
    speech_end_s = min((before + len(speech)) / RATE, speech_end_s or length)
    written = sum(len(segment.text.encode()) for segment in segments)
    enough = written >= _LEAST_BYTES_PER_S * (speech_end_s - before / RATE)
    reaches = max((segment.end for segment in segments), default=0.0) >= speech_end_s - _UNCOVERED_S
    return enough and reaches and not any(_is_hurried(segment, length) for segment in segments)


def _is_hurried(segment: Segment, length: float) -> bool:
    """Returns whether nobody can have said a segment's text in its time: in a short window a sentence may be written
    twice, the second time in what is left of the piece's `length` seconds."""
    seconds = min(segment.end, length) - min(segment.start, length)
    return wording.is_hurried(segment.text, seconds)


languages = whisper.languages_of
# The heads of the decoder's cross-attention that follow the speech, found by OpenAI: a flag for each head of each
# layer, one byte each, gzip, base 85.
ALIGNMENT = {
    "tiny": b"ABzY8bu8Lr0{>%RKn9Fp%m@SkK7Kt=7ytkO",
    "tiny.en": b"ABzY8J1N>@0{>%R00Bk>$p{7v037`oCl~+#00",
    "base": b"ABzY8KQ!870{>%RzyTQH3`Q^yNP!>##QT-<FaQ7m",
    "base.en": b"ABzY8;40c<0{>%RzzG;p*o+Vo09|#PsxSZm00",
    "small": b"ABzY8DmU6=0{>%Rpa?J`kvJ6qF(V^F86#Xh7JUGMK}P<N0000",
    "small.en": b"ABzY8>?_)10{>%RpeA61k&I|OI3I$65C{;;pbCHh0B{qLQ;+}v00",
    "medium": b"ABzY8B0Jh+0{>%R7}kK1fFL7w6%<-Pf*t^=N)Qr&0RR9",
    "medium.en": b"ABzY8usPae0{>%R7<zz_OvQ{)4kMa0BMw6u5rT}kRKX;$NfYBv00*Hl@qhsU00",
    "large-v1": b"ABzY8r9j$a0{>%R7#4sLmoOs{s)o3~84-RPdcFk!JR<kSfC2yj",
    "large-v2": b"ABzY8zd+h!0{>%R7=D0pU<_bnWW*tkYAhobTNnu$jnkEkXqp)j;w1Tzk)UH3X%SZd&fFZ2fC2yj",
    "large-v3": b"ABzY8gWO1E0{>%R7(9S+Kn!D~%ngiGaR?*L!iJG9p-nab0JQ=-{D1-g00",
    "large": b"ABzY8gWO1E0{>%R7(9S+Kn!D~%ngiGaR?*L!iJG9p-nab0JQ=-{D1-g00",
    "large-v3-turbo": b"ABzY8j^C+e0{>%RARaKHP%t(lGR*)0g!tONPyhe`",
    "turbo": b"ABzY8j^C+e0{>%RARaKHP%t(lGR*)0g!tONPyhe`",
}


def alignment(name: str, layers: int, heads: int, vocabulary: int) -> bytes:
    """Returns the flags in `ALIGNMENT` for a model of these dimensions, by its name or as its only possible base model.

    They are empty if that is unknown: then the upper half of the layers is a fair choice.
    """
    fitting = {
        known.name: packed
        for known in Model.well_known(engines.get("whisper"))
        if (packed := ALIGNMENT.get(known.name))
        and len(gzip.decompress(base64.b85decode(packed))) == layers * heads
        and len(known.languages) == len(languages(vocabulary))
    }
    if name in fitting:
        return fitting[name]
    different = set(fitting.values())
    return different.pop() if len(different) == 1 else b""
