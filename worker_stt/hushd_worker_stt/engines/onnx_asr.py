"""The package `onnx-asr`: Parakeet, Canary, GigaAM, Vosk and Whisper on ONNX Runtime, without torch.

It only uses the package's models, without its resamplers (seven sessions, 0.29 s of every start), its voice detector
and its file reader, since audio arrives in the right form. That needs internal functions, so the version is pinned to
one minor release.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hushd_models import advice
from hushd_models.installation import engine_installed
from hushd_models.precision import ORIGINAL
from hushd_protocol.errors import HushdError
from hushd_schema import engines
from hushd_worker import compute_device
from hushd_worker.compute_device import threads
from hushd_worker.errors import check_files, importing, load_error
from hushd_worker.onnx_session import mapped_sessions
from hushd_worker.precision import wish
from hushd_worker.quick_start import read_ahead
from msgspec.structs import replace

from hushd_worker_stt import wording
from hushd_worker_stt.engine import (
    RATE,
    DetectedLanguage,
    Engine,
    Model,
    Options,
    PieceLength,
    Samples,
    Segment,
    Word,
)

from . import onnx_models

_MIN_SAMPLES = RATE // 2  # less is padded with silence, since the variance of a single frame is NaN
_LAST_TOKEN_S = 0.3  # the assumed length of a word's last token, since only beginnings are known
_WORD = re.compile(r"\S(?:\S|\s\B)*")  # the package drops spaces before signs


class OnnxAsr(Engine):
    """The engine `onnx-asr`. CTC and transducer models can time the beginnings of words; Canary can translate."""

    # Not for streaming: by its makers' figures each pass takes a tenth of real time on four cores.
    SPEC = replace(engines.get("onnx-asr"), translates=True)  # Canary's does, alone of its models
    HABITS = wording.WHISPER | wording.TRANSDUCER
    PIECE = PieceLength(10.0, 20.0)  # the package warns of more than 20 to 30 s
    # 60 MB less with a graph of a FastConformer's shape and random weights; no gain with Whisper.
    PIECE_ECONOMY = PieceLength(5.0, 10.0)
    _detected: tuple[Any, Any] | None = None  # a piece whose language was detected, and Whisper's encoding of it

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        layouts = {name: content["layout"] for name, content in cls.SPEC.models.items()}
        return (*(onnx_models.timed(each, layouts[each.name]) for each in super().models()), *onnx_models.here())

    @classmethod
    def installed(cls, model: str) -> bool:
        return engine_installed(cls.SPEC) and onnx_models.find(model) is not None

    def load(self, model: str, report: Callable[[str], None]) -> None:
        folder = onnx_models.find(model)
        if folder is not None:
            read_ahead(onnx_models.files_to_load(folder, int8=not compute_device.may_be_card()))
        with importing("The engine 'onnx-asr' is not installed", self.install()):
            import onnx_asr.models.nemo
            import onnx_asr.models.whisper
            import soxr
        self._resample = soxr.resample
        if folder is None:
            raise advice.missing(f"onnx-asr/{model}")
        report("loading the model")
        try:
            check_files(folder)
            self._asr = _load(model, folder)
        except Exception as error:
            raise load_error(
                f"onnx-asr/{model}",
                _root(error),
                install=self.install(),
                again=f"replace {folder} by a complete copy",
            ) from error
        self.compute_device = compute_device.of_sessions(
            part for part in vars(self._asr).values() if hasattr(part, "get_providers")
        )
        if self.compute_device != "cpu":
            # A CPU's weights are int8, and the values multiplied with them are scaled by the whole batch's largest
            # value, which changes the text.
            self.batch = 16
        self._translates = self.needs_language = isinstance(self._asr, onnx_asr.models.nemo.NemoConformerAED)
        self._tells_language = isinstance(self._asr, onnx_asr.models.whisper._Whisper)
        self._tells_likely = isinstance(self._asr, onnx_asr.models.whisper.WhisperHf)  # the other has tokens alone
        if self._tells_language:
            named = ((number, onnx_models.LANGUAGE.fullmatch(token)) for token, number in self._asr._tokens.items())
            self._tags = {number: match[1] for number, match in named if match}
            self._encode_anew, self._asr._encode = self._asr._encode, self._encode

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        if options.translate and not self._translates:
            raise HushdError("unsupported", "This model cannot translate: Canary's can, such as nemo-canary-1b-v2.")
        (segments,) = self._recognise([samples], options)
        yield from segments

    def transcribe_batch(self, pieces: Sequence[Samples], options: Sequence[Options]) -> list[list[Segment]]:
        if not pieces or any(chosen != options[0] for chosen in options) or options[0].translate:
            return super().transcribe_batch(pieces, options)
        return self._recognise(pieces, options[0])

    def _recognise(self, pieces: Sequence[Samples], options: Options) -> list[list[Segment]]:
        target = "en" if options.translate else None
        results = self._asr.recognize_batch(
            *self._batch(pieces),
            language=options.language,
            target_language=target,
            need_logprobs="yes" if options.word_times else None,
        )
        return [self._segments(samples, result, options) for samples, result in zip(pieces, results, strict=True)]

    def _segments(self, samples: Samples, result: Any, options: Options) -> list[Segment]:
        if not (text := result.text.strip()):
            return []
        duration = len(samples) / RATE
        is_timed = options.word_times and result.tokens and result.timestamps
        words = _words(result.tokens, result.timestamps, result.logprobs, duration) if is_timed else ()
        return [Segment(0.0, duration, text, tuple(words))]

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        import numpy as np

        if not self._tells_language:
            return None
        asr, batch = self._asr, self._batch([samples])
        self._detected = batch[0], asr._encode(*batch)
        if not self._tells_likely:
            return DetectedLanguage(self._tags[int(asr._decoding(self._detected[1], asr._detect_lang_input, 3)[0, 1])])
        logits, _ = asr._decode(asr._detect_lang_input, asr._create_state(), self._detected[1])
        scores = logits[0, -1, list(self._tags)]
        weights = np.exp(scores - scores.max())
        likely = zip(self._tags.values(), map(float, weights / weights.sum()), strict=True)
        return DetectedLanguage.likeliest(dict(likely))

    def _encode(self, waveforms: Any, lengths: Any) -> Any:
        """Returns the package's encoding; that of a piece whose language was just detected is not made again."""
        import numpy as np

        detected, self._detected = self._detected, None
        if detected and np.array_equal(detected[0], waveforms):
            return detected[1]
        return self._encode_anew(waveforms, lengths)

    def _batch(self, pieces: Sequence[Samples]) -> tuple[Any, Any]:
        """Returns `pieces` in the package's form: a batch, padded with silence, and the length of each."""
        import numpy as np

        pieces = [np.pad(samples, (0, max(0, _MIN_SAMPLES - len(samples)))) for samples in pieces]
        if (rate := self._asr._get_sample_rate()) != RATE:
            pieces = [self._resample(samples, RATE, rate) for samples in pieces]
        lengths = [len(samples) for samples in pieces]
        batch = np.stack([np.pad(samples, (0, max(lengths) - len(samples))) for samples in pieces])
        return batch, np.array(lengths, np.int64)


def _words(
    tokens: Sequence[str], times: Sequence[float], logprobs: Sequence[float] | None, duration: float
) -> Iterator[Word]:
    """Yields the words of `tokens`, as in the package's text, each from its first token's time to the next word's, or
    to shortly after its last token's. A word's probability is the mean of its tokens', as in Whisper's packages."""
    text = "".join(tokens)
    owners = [number for number, token in enumerate(tokens) for _ in token]
    spans = [(match.start(), match.start() + len(match.group().rstrip()) - 1) for match in _WORD.finditer(text)]
    starts = [min(times[owners[first]], duration) for first, _ in spans]
    for (first, last), start, following in zip(spans, starts, [*starts, duration][1:], strict=True):
        end = min(following, times[owners[last]] + _LAST_TOKEN_S)
        likely = [math.exp(min(0.0, value)) for value in logprobs[owners[first] : owners[last] + 1]] if logprobs else []
        probability = round(sum(likely) / len(likely), 4) if likely else None  # a batch differs in the seventh
        yield Word("".join(text[first : last + 1].split()), start, max(start, end), probability)


# --- its files and the runtime ---------------------------------------------------------------------------------------


def _load(model: str, folder: Path) -> Any:
    """Returns the package's model from the files in `folder`, with its type by the name, or else by config.json."""
    import onnxruntime
    from onnx_asr.loader import Manager

    class WithoutResampler(Manager):  # type: ignore[misc, unused-ignore]
        def _create_resampler(self, sample_rate: int) -> Any:
            return None

    def options() -> Any:
        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = threads()
        chosen.enable_cpu_mem_arena = False
        chosen.log_severity_level = 3
        return chosen

    providers = list(compute_device.onnx_providers(onnxruntime))
    manager = WithoutResampler(options(), providers)

    def create(quantization: str | None) -> Any:
        with mapped_sessions(onnxruntime, options):
            asr = manager.create_asr(onnx_models.source(model), folder, quantization=quantization, offline=True).asr
        _check_vocabulary(asr)
        return asr

    # The better kind of weights first: a card is slower with int8.
    on_cpu = compute_device.of_onnxruntime(onnxruntime) == "cpu"
    better, other = ("int8", None) if on_cpu and wish() != ORIGINAL else (None, "int8")
    try:
        return create(better)
    except FileNotFoundError:
        return create(other)


def _check_vocabulary(asr: Any) -> None:
    """Raises ValueError for a damaged vocabulary, which the package would only notice in the middle of a text."""
    from onnx_asr.asr import _AsrWithCtcDecoding, _AsrWithTransducerDecoding

    vocabulary = getattr(asr, "_vocab", None)
    whole = not isinstance(vocabulary, dict) or vocabulary.keys() >= set(range(len(vocabulary)))
    decodes = isinstance(asr, _AsrWithCtcDecoding | _AsrWithTransducerDecoding)
    if not whole or (decodes and not hasattr(asr, "_blank_idx")):
        raise ValueError("the vocabulary is damaged")


def _root(error: BaseException) -> BaseException:
    """Returns the first error of a chain, since the hub's library reports any failure as a missing snapshot."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
