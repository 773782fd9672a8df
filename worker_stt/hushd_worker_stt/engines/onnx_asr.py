"""The package `onnx-asr`: Parakeet, Canary, GigaAM, Vosk and Whisper on ONNX Runtime, without torch.

It only uses the package's models, without its resamplers (seven sessions, 0.29 s of every start), its voice detector
and its file reader, since audio arrives in the right form. That needs internal functions, so the version is pinned to
one minor release.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from hushd_models import advice
from hushd_models.installation import engine_installed
from hushd_protocol.errors import HushdError
from hushd_schema import engines
from hushd_worker import compute_device
from hushd_worker.errors import check_files, importing, load_error
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
            from . import onnx_asr_model as package  # noqa: PLC0415 - imports numpy and onnxruntime
        self._package = package
        if folder is None:
            raise advice.missing(f"onnx-asr/{model}")
        report("loading the model")
        try:
            check_files(folder)
            self._asr = package.load(model, folder)
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
        self._translates = self.needs_language = package.translates(self._asr)
        self._tells_language = package.tells_language(self._asr)
        self._tells_likely = package.tells_likely(self._asr)
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
            *self._package.batch(self._asr, pieces),
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
        if not self._tells_language:
            return None
        asr, batch = self._asr, self._package.batch(self._asr, [samples])
        self._detected = batch[0], asr._encode(*batch)
        if not self._tells_likely:
            return DetectedLanguage(self._tags[int(asr._decoding(self._detected[1], asr._detect_lang_input, 3)[0, 1])])
        logits, _ = asr._decode(asr._detect_lang_input, asr._create_state(), self._detected[1])
        likely = zip(self._tags.values(), self._package.softmax(logits[0, -1, list(self._tags)]), strict=True)
        return DetectedLanguage.likeliest(dict(likely))

    def _encode(self, waveforms: Any, lengths: Any) -> Any:
        """Returns the package's encoding; that of a piece whose language was just detected is not made again."""
        detected, self._detected = self._detected, None
        if detected and self._package.equal(detected[0], waveforms):
            return detected[1]
        return self._encode_anew(waveforms, lengths)


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


def _root(error: BaseException) -> BaseException:
    """Returns the first error of a chain, since the hub's library reports any failure as a missing snapshot."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
