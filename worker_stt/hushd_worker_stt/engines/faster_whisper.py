"""faster-whisper: Whisper's models on CTranslate2, without torch, in half of the memory."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from math import log
from pathlib import Path
from typing import Any

from hushd_models import catalogue, weights
from hushd_models.installation import package_command
from hushd_protocol.errors import reason
from hushd_schema import engines
from hushd_schema.engines.whisper import FOLDER
from hushd_worker import compute_device
from hushd_worker.compute_device import threads
from hushd_worker.errors import Cause, cause, check_files
from msgspec.structs import replace

from hushd_worker_stt.engine import RATE, Model, Samples, Scoring, Segment

from .whisper_family import FIRST_SEED, SHARED, Decoding, WhisperFamily, words
from .whisper_window import FRAMES_PER_S, RestError

SPEC = engines.get("faster-whisper")
_PASSED_ON = (  # the decoder's options for the package
    "patience", "length_penalty", "no_repeat_ngram_size", "suppress_tokens", "compression_ratio_threshold",
    "logprob_threshold", "no_speech_threshold", "condition_on_previous_text", "prepend_punctuations",
    "append_punctuations", "hallucination_silence_threshold",
)  # fmt: skip
# Two threads decode weights of this size hardly faster than one, so that each piece gets one, and several are read
# beside each other. A token by one and by two took: base 10.1 and 10.7 ms, small 31 and 28, large-v3-turbo 28 and 18.
_MAX_BYTES_ON_ONE_THREAD = 600_000_000
_MAX_PARALLEL = 4  # each takes memory for its piece
_PROMPT = 223  # tokens of prompt and hotwords together: half of the decoder's, as in the package
# CTranslate2 opens cuBLAS by name at the first computation on a card, and brings none.
CUBLAS_PACKAGE = "nvidia-cublas-cu12"
_CUBLAS = ("libcublasLt.so.12", "libcublas.so.12")  # the second needs the first


class FasterWhisper(WhisperFamily):
    """The engine `faster-whisper`. CTranslate2 models: folders `faster-whisper/NAME` in the models folder."""

    # There is no option `threads`: CTranslate2 keeps its number of threads from the start.
    SPEC = replace(SPEC, options=(*SHARED, *_PASSED_ON, "probabilities"))
    COMPUTE_TYPES = (
        "int8", "int8_float16", "int8_float32", "int8_bfloat16", "int16", "float16", "bfloat16", "float32",
    )  # fmt: skip

    @classmethod
    def find(cls, model: str) -> Path | None:
        name, own = f"faster-whisper/{model}", weights.folder("faster-whisper") / model
        places = (own, *(place for place, _ in weights.kept(name)))
        return next((place for place in places if _whole(place)), None)

    @classmethod
    def own(cls, path: Path) -> Model | None:
        if path.name.startswith(".") or not _whole(path):
            return None
        files = {"model.bin": (path / "model.bin").stat().st_size}
        languages = catalogue.languages_of_files("faster-whisper", path, os.listdir(path))
        return Model(path.name, languages or ("en",), catalogue.memory_of_files("faster-whisper", files))

    def _import(self) -> None:
        import ctranslate2
        import faster_whisper

        from .together_model import TogetherModel  # noqa: PLC0415 - imports numpy

        self._ctranslate2, self._package, self._together = ctranslate2, faster_whisper, TogetherModel

    def _load(self, model: str, path: Path, report: Callable[[str], None]) -> None:
        check_files(path)
        self.compute_device = compute_device.of_ctranslate2(self._ctranslate2)
        self._ctranslate2.set_random_seed(FIRST_SEED)
        self._model: Any = self._on_cpu(path) if self.compute_device == "cpu" else self._on_gpu(path)
        if "bfloat16" not in self._model.model.compute_type:  # numpy has no such arrays
            self.batch = 1 if self.parallel > 1 else self._max_batch
            self._model.model = self._together(self._model.model, self._ctranslate2, self.window)
        config = json.loads((path / "config.json").read_bytes())
        self.timestamps = config.get("timestamps", True)  # false for a model that never learnt them

    def _on_gpu(self, path: Path) -> Any:
        """Returns the model in its own precision; on the CPU if no card works, unless one was requested."""
        import numpy as np

        load_cublas()
        try:
            model = self._package.WhisperModel(str(path), device="cuda", compute_type=self.compute_type or "default")
            model.encode(model.feature_extractor(np.zeros(RATE, np.float32)))
        except (RuntimeError, ValueError) as error:
            if compute_device.asked() != "auto" or cause(error) is Cause.CARD_FULL:  # other workers may make room
                raise
            library = "CUDA" if self.compute_device == "cuda" else "ROCm"
            why = f"{library} does not work here ({reason(error)}{cublas_remedy(str(error))})"
            self.compute_device, self.why_there = "cpu", why
            return self._on_cpu(path)
        return model

    def _on_cpu(self, path: Path) -> Any:
        # A byte per weight, where CTranslate2 would convert a float16 file to four. Files of another precision are
        # converted at load.
        kinds = self._ctranslate2.get_supported_compute_types("cpu")
        kind = self.compute_type or ("int8" if "int8" in kinds and not compute_device.in_own_precision() else "default")
        cores = threads()
        if (path / "model.bin").stat().st_size <= _MAX_BYTES_ON_ONE_THREAD:
            self.parallel, cores = min(_MAX_PARALLEL, cores), 1
        return self._package.WhisperModel(
            str(path), device="cpu", compute_type=kind, cpu_threads=cores, num_workers=self.parallel
        )

    def _decode(self, samples: Samples, decoding: Decoding) -> Iterator[Segment]:
        hotwords = self._tokens(decoding.hotwords)[:_PROMPT]
        room = _PROMPT - len(hotwords)
        prompt = self._tokens(decoding.prompt)[-room:] if room else []
        segments, _ = self._model.transcribe(
            samples,
            language=decoding.language,
            task=decoding.task,
            initial_prompt=prompt or None,
            hotwords=decoding.hotwords or None,
            beam_size=decoding.beam,
            best_of=decoding.decoder.get("best_of", decoding.beam),
            temperature=decoding.temperatures,
            word_timestamps=decoding.word_times,
            without_timestamps=not self.timestamps,
            max_new_tokens=decoding.tokens,
            **{"condition_on_previous_text": False} | self._given(decoding),
        )
        self.window.frames = len(samples) * FRAMES_PER_S // RATE
        try:
            for segment in segments:
                self.check()
                if segment.seek > decoding.last_window * FRAMES_PER_S:
                    break
                if text := segment.text.strip():
                    timed = words((word.word, word.start, word.end, word.probability) for word in segment.words or ())
                    logprob = round(segment.avg_logprob, 4)  # a batch differs in the seventh
                    yield Segment(float(segment.start), float(segment.end), text, timed, log_probability=logprob)
        except RestError:
            pass
        finally:
            self.window.frames = 0

    def _given(self, decoding: Decoding) -> dict[str, Any]:
        """Returns the decoder's options, by this package's names."""
        given = decoding.given(*_PASSED_ON)
        if "logprob_threshold" in given:
            given["log_prob_threshold"] = given.pop("logprob_threshold")
        return given

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._model.hf_tokenizer.encode(f" {text}", add_special_tokens=False).ids if text else []
        return tokens

    def scoring(self, language: str) -> Scoring:
        return partial(self._scores, language)

    def _scores(self, language: str, samples: Samples, texts: Sequence[str]) -> list[float]:
        model, token = self._model, self._model.hf_tokenizer.token_to_id
        self.window.short = self.compute_device == "cpu"
        encoded = model.encode(self._package.audio.pad_or_trim(model.feature_extractor(samples)[..., :-1]))
        kinds = ("<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>")
        begin = [token(kind) for kind in (kinds if model.model.is_multilingual else kinds[:1])]
        frames = min(len(samples) * FRAMES_PER_S // RATE, model.feature_extractor.nb_max_frames)
        tokens = [self._tokens(text) for text in texts]
        aligned = [model.model.align(encoded, begin, [each], frames)[0] for each in tokens]
        return [sum(log(max(1e-12, likely)) for likely in each.text_token_probs) for each in aligned]

    def _likely(self, samples: Samples) -> Mapping[str, float]:
        if not self._model.model.is_multilingual or len(self._languages) == 1:
            return {}
        # The package transcribes these features, too, for the same window.
        features = self._model.feature_extractor(samples)[..., :-1]
        return dict(self._model.detect_language(features=features)[2])


def _whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FOLDER)


def load_cublas() -> None:
    """Opens cuBLAS in its Python package's folder, where the system's loader does not look."""
    with suppress(ImportError):
        spec = find_spec("nvidia.cublas")
        for folder in spec.submodule_search_locations or () if spec else ():
            for name in _CUBLAS:
                with suppress(OSError):
                    ctypes.CDLL(os.path.join(folder, "lib", name), ctypes.RTLD_GLOBAL)


def cublas_remedy(message: str) -> str:
    """Returns the end of a sentence with the command that installs them, if an error's `message` misses them."""
    return f"; {package_command(CUBLAS_PACKAGE)} installs it" if "libcublas" in message else ""
