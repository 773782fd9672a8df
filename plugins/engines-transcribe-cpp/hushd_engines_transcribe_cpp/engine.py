"""The package `transcribe-cpp`: Parakeet, Nemotron, Moonshine, Canary, Qwen3, Whisper and others on ggml, from GGUF.

Only this module and `ggml` depend on the package's API, which is young: one minor release is pinned, 0.4.
Weights are pages of the file, shared by all workers with the model; files are replaced and never written into, since a
missing page ends the process. ggml also aborts its process if memory is short or a file is invalid inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from hushd_models import advice, languages
from hushd_models.installation import engine_installed
from hushd_protocol.errors import HushdError, reason
from hushd_schema.engines import NoModel
from hushd_schema.operations.decoder import OFF
from hushd_worker import compute_device
from hushd_worker.background import Background
from hushd_worker.compute_device import threads
from hushd_worker.errors import Cause, cause, importing, load_error
from hushd_worker.quick_start import read_ahead
from hushd_worker_stt import wording
from hushd_worker_stt.engine import (
    RATE,
    DetectedLanguage,
    Engine,
    EngineStream,
    Hypothesis,
    LevelRange,
    Model,
    Options,
    PieceLength,
    Samples,
    Segment,
    Word,
)
from msgspec.structs import replace

from . import ggml, inventory
from .files import described
from .inventory import SPEC

T = TypeVar("T")

_CANCEL_LOOK_INTERVAL_S = 0.1  # seconds between two checks for a cancel
_MIN_SAMPLES = RATE // 2  # a shorter piece is padded with silence, since some architectures refuse it
# Whisper's encoder always processes 30 s. Moonshine was trained on short utterances.
_PIECES = {"whisper": PieceLength(15.0, 29.5), "moonshine": PieceLength(8.0, 15.0)}
_LEVELS = {"moonshine": LevelRange(0.7, 0.7)}  # measured with the engine moonshine, which has the same weights
# The most efficient feeds in seconds: Moonshine's encoder runs once per feed; Nemotron computes a chunk of 1.12 s at
# once, by default.
_FEEDS_S = {"moonshine_streaming": 0.5}
_TELLS_LANGUAGE = ("whisper", "qwen3_asr", "sensevoice")
_NEEDS_LANGUAGE = ("canary", "cohere")  # those whose prompt has one, English by default
# Thresholds of Whisper's decoder: by hushd's names, the package's, and the value that switches each off.
_THRESHOLDS = {
    "temperature_increment": ("temperature_inc", 0.0),
    "compression_ratio_threshold": ("compression_ratio_thold", math.inf),
    "logprob_threshold": ("logprob_thold", -math.inf),
    "no_speech_threshold": ("no_speech_thold", math.inf),
}


class TranscribeCpp(Engine):
    """The engine `transcribe-cpp`. Its abilities depend on the model: see `described`."""

    SPEC = replace(SPEC, translates=True)  # its model may not
    HABITS = wording.WHISPER | wording.MOONSHINE | wording.TRANSDUCER
    PIECE = PieceLength(10.0, 20.0)
    PIECE_ECONOMY: PieceLength | None = PieceLength(5.0, 10.0)  # an encoder's memory grows with the square of the piece
    _detection: tuple[Options, Samples, Any] | None = None  # the last run that detected a language

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return inventory.known(super().models())

    @classmethod
    def installed(cls, model: str) -> bool:
        return engine_installed(SPEC) and inventory.find(model) is not None

    def load(self, model: str, report: Callable[[str], None]) -> None:
        file = inventory.find(model)
        if file is not None:
            read_ahead([file])
        with importing(f"The engine {SPEC.name!r} is not installed", self.install(), RuntimeError):
            self._package = ggml.package()
        if file is None:
            raise advice.missing(f"{SPEC.name}/{model}")
        report("loading the model")
        self.compute_device, card = ggml.device(self._package)
        try:
            self._architecture, _, self._abilities = described(file)
            self._model = self._on_card(file, card) if card else self._package.Model(str(file), backend="cpu")
            self._session = self._model.session(n_threads=threads(SPEC.spare_cores))
            self._languages = self._model.capabilities.languages
        except (NoModel, OSError, RuntimeError) as error:
            raise load_error(
                f"{SPEC.name}/{model}", error, install=self.install(), again=f"replace {file} by a complete copy"
            ) from error
        self.needs_language = self._architecture in _NEEDS_LANGUAGE
        self.PIECE = _PIECES.get(self._architecture.partition("_")[0], self.PIECE)
        self.PIECE_ECONOMY = None if self._architecture == "whisper" else self.PIECE_ECONOMY
        self.LEVEL = _LEVELS.get(self._architecture, self.LEVEL)
        if self._model.capabilities.supports_streaming:
            self.feed_s = _FEEDS_S.get(self._architecture, 1.12)
            self.any_feeds = self._architecture == "parakeet"  # it collects its chunks itself

    def _on_card(self, file: Path, card: Any) -> Any:
        """Returns the model on `card`, or on the CPU if the card does not work, unless a card was requested."""
        try:
            return self._package.Model(str(file), device=card)
        except RuntimeError as error:
            if compute_device.asked() != "auto" or cause(error) is Cause.CARD_FULL:  # other workers may make room
                raise
            self.why_there = f"{self.compute_device} does not work here ({reason(error)})"
            self.compute_device = "cpu"
            return self._package.Model(str(file), backend="cpu")

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        detection, self._detection = self._detection, None
        if detection and detection[0] == options and detection[1].tobytes() == samples.tobytes():
            result = detection[2]
        else:
            result = self._run(samples, **self._wishes(options), **self._prompts(options))
        yield from _segments(result, len(samples) / RATE, word_times=self._timed(options))

    def begin(self, options: Options) -> EngineStream:
        stream = self._session.stream(**self._wishes(options))
        return _Live(self.call, stream, word_times=self._timed(options))

    def _wishes(self, options: Options) -> dict[str, Any]:
        """Returns the package's arguments for the requested text, of recordings and of streams."""
        if options.translate and not self._abilities.translation:
            raise HushdError("unsupported", f"This model cannot translate: {advice.translator()} can.")
        finest = "token" if self._model.capabilities.max_timestamp_kind == "token" else "word"
        return {
            "task": "translate" if options.translate else "transcribe",
            "target_language": "en" if options.translate else None,
            "language": languages.find(options.language, self._languages) if options.language else None,
            "timestamps": finest if self._timed(options) else "segment" if self._abilities.times else "none",
        }

    def _timed(self, options: Options) -> bool:
        """Returns whether words are requested, and the model can time them: tokens have their probabilities, too."""
        return options.word_times and self._abilities.word_times and not options.translate

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        if self._architecture not in _TELLS_LANGUAGE or len(self._languages) < 2:
            return None
        # The package has no shorter run that detects a language: this one is also the text, if the options are usual.
        result = self._run(samples, **self._wishes(Options()), **self._prompts(Options()))
        self._detection = Options(language=result.language), samples, result
        return DetectedLanguage(result.language) if result.language else None

    def _prompts(self, options: Options) -> dict[str, Any]:
        """Returns the package's arguments for the options that the model uses."""
        usable, arguments = self._abilities.options, dict[str, Any]()
        if "prompt" in usable and options.prompt.strip():
            arguments["prompt"] = options.prompt.strip()
        if "hotwords" in usable and (words := [word.strip() for word in options.hotwords.split(",") if word.strip()]):
            arguments["vocabulary"] = words
        if self._architecture == "whisper":
            thresholds = {
                name: off if options.decoder[key] == OFF else options.decoder[key]
                for key, (name, off) in _THRESHOLDS.items()
                if key in options.decoder
            }
            if options.temperature is not None and not thresholds.get("temperature_inc"):
                thresholds["temperature_inc"] = 0.0  # the given temperature alone is tried without an increment
            arguments["family"] = self._package.WhisperRunOptions(
                temperature=options.temperature,
                condition_on_prev_tokens=options.decoder.get("condition_on_previous_text", False),
                **thresholds,
            )
        return arguments

    def _run(self, samples: Samples, **arguments: Any) -> Any:
        import numpy as np

        padded = np.pad(samples, (0, max(0, _MIN_SAMPLES - len(samples))))
        np.nan_to_num(padded, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)  # otherwise the package refuses all samples
        try:
            return self.call(lambda: self._session.run(np.ascontiguousarray(padded, np.float32), **arguments))
        except self._package.OutputTruncated as error:
            if error.partial_result is None:
                raise
            return error.partial_result  # the decoder has looped, or reached its limit

    def call(self, function: Callable[[], T]) -> T:
        """Calls the package on another thread, while this one checks whether the client has gone.

        At best the package ends at the next layer or token; otherwise the supervisor ends the process.
        """
        work = Background(function, "transcribe-cpp")
        try:
            while not work.wait(_CANCEL_LOOK_INTERVAL_S):
                self.check()
        except BaseException:
            self._session.cancel()
            work.wait()
            raise
        return work.result()  # type: ignore[no-any-return]


class _Live(EngineStream):
    """A stream of the package's; while it is open, the model refuses every other run."""

    def __init__(self, call: Callable[[Callable[[], Any]], Any], stream: Any, *, word_times: bool) -> None:
        self._call = call
        self._stream = stream
        self._word_times = word_times
        self._seconds = 0.0

    def feed(self, samples: Samples) -> Hypothesis:
        import numpy as np

        self._seconds += len(samples) / RATE
        finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)  # done for the reason given above
        if len(finite):  # the package refuses empty feeds
            self._call(lambda: self._stream.feed(finite))
        text = self._stream.text()
        return Hypothesis(text.committed, text.tentative)

    def finish(self) -> list[Segment]:
        """Returns the final text, which may lack words that were committed before."""
        self._call(self._stream.finalize)
        result = self._stream.snapshot()
        self.cancel()
        self.language = result.language or None
        return list(_segments(result, self._seconds, word_times=self._word_times))

    def cancel(self) -> None:
        self._stream.reset()


def _segments(result: Any, duration: float, *, word_times: bool) -> Iterator[Segment]:
    """Yields the package's segments with times inside a piece of `duration` seconds; one segment if it has no times.

    A stream's result only has tokens, which are joined into words.
    """
    words, owners = _words(result, duration) if word_times else ([], [])
    if result.timestamp_kind == "none" or not result.segments:
        if text := result.text.strip():
            yield Segment(0.0, duration, text, tuple(words))
        return
    start = 0.0
    for number, segment in enumerate(result.segments):
        if not (text := segment.text.strip()):
            continue
        start = max(start, _seconds(segment.t0_ms, duration))
        end = max(start, _seconds(segment.t1_ms, duration))
        own = (word for word, owner in zip(words, owners, strict=True) if owner == number)
        yield Segment(start, end, text, tuple(own))


def _words(result: Any, duration: float) -> tuple[list[Word], list[int]]:
    """Returns the words of a result, and the number of each word's segment.

    A word's probability is the mean of its tokens', as in Whisper's packages.
    """
    if result.words:
        spans = [
            (word.text, word.t0_ms, word.t1_ms, result.tokens[word.first_token : word.first_token + word.n_tokens])
            for word in result.words
        ]
        owners = [word.seg_index for word in result.words]
    else:
        groups = _grouped(result.tokens)
        spans = [("".join(token.text for token in group), group[0].t0_ms, group[-1].t1_ms, group) for group in groups]
        owners = [group[0].seg_index for group in groups]
    words, segments = list[Word](), list[int]()
    for (text, begin_ms, end_ms, tokens), owner in zip(spans, owners, strict=True):
        if text := text.strip():
            likely = [token.p for token in tokens if 0.0 <= token.p <= 1.0]
            probability = sum(likely) / len(likely) if likely else None
            words.append(Word(text, _seconds(begin_ms, duration), _seconds(end_ms, duration), probability))
            segments.append(owner)
    return words, segments


def _grouped(tokens: Iterable[Any]) -> list[list[Any]]:
    """Groups tokens by word; a token with a space before it begins the next word."""
    groups = list[list[Any]]()
    for token in tokens:
        if not groups or token.text[:1].isspace():
            groups.append([])
        groups[-1].append(token)
    return groups


def _seconds(milliseconds: int, duration: float) -> float:
    return min(max(0.0, milliseconds / 1000), duration)
