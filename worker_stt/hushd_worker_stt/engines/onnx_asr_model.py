"""The package `onnx-asr`'s model: loaded from files in hushd's way, and the batches that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from hushd_worker import compute_device
from hushd_worker.compute_device import threads
from hushd_worker.onnx_session import mapped_sessions
from onnx_asr.asr import _AsrWithCtcDecoding, _AsrWithTransducerDecoding
from onnx_asr.loader import Manager
from onnx_asr.models.nemo import NemoConformerAED
from onnx_asr.models.whisper import WhisperHf, _Whisper

from hushd_worker_stt.engine import RATE, Samples

from . import onnx_models

_MIN_SAMPLES = RATE // 2  # less is padded with silence, since the variance of a single frame is NaN


def load(model: str, folder: Path) -> Any:
    """Returns the package's model from the files in `folder`, with its type by the name, or else by config.json."""

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
    better, other = ("int8", None) if on_cpu and not compute_device.in_own_precision() else (None, "int8")
    try:
        return create(better)
    except FileNotFoundError:
        return create(other)


def _check_vocabulary(asr: Any) -> None:
    """Raises ValueError for a damaged vocabulary, which the package would only notice in the middle of a text."""
    vocabulary = getattr(asr, "_vocab", None)
    whole = not isinstance(vocabulary, dict) or vocabulary.keys() >= set(range(len(vocabulary)))
    decodes = isinstance(asr, _AsrWithCtcDecoding | _AsrWithTransducerDecoding)
    if not whole or (decodes and not hasattr(asr, "_blank_idx")):
        raise ValueError("the vocabulary is damaged")


def batch(asr: Any, pieces: Sequence[Samples]) -> tuple[Any, Any]:
    """Returns `pieces` in the package's form: a batch, padded with silence, and the length of each."""
    pieces = [np.pad(samples, (0, max(0, _MIN_SAMPLES - len(samples)))) for samples in pieces]
    if (rate := asr._get_sample_rate()) != RATE:
        pieces = [soxr.resample(samples, RATE, rate) for samples in pieces]
    lengths = [len(samples) for samples in pieces]
    batch = np.stack([np.pad(samples, (0, max(lengths) - len(samples))) for samples in pieces])
    return batch, np.array(lengths, np.int64)


def equal(batch: Any, other: Any) -> bool:
    return np.array_equal(batch, other)


def translates(asr: Any) -> bool:
    return isinstance(asr, NemoConformerAED)


def tells_language(asr: Any) -> bool:
    return isinstance(asr, _Whisper)


def tells_likely(asr: Any) -> bool:
    """Returns whether a model of Whisper tells how likely a language is; the other kind has tokens alone."""
    return isinstance(asr, WhisperHf)


def softmax(scores: Any) -> list[float]:
    weights = np.exp(scores - scores.max())
    return [float(weight) for weight in weights / weights.sum()]
