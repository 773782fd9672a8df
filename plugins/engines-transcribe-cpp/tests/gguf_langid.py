"""VoxLingua107's language identification as transcribe-cpp reads it (`src/arch/ecapa_tdnn`, 0.4): an ECAPA-TDNN.

Four blocks of time-delayed layers, the mean and spread of what they hear weighted by attention, and a classifier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from full_size.gguf_file import Keys, Tensor, part
from full_size.making import Part
from full_size.noise import Noise
from hushd_schema import engines

NAME = "lang-id-voxlingua107-ecapa"
_MELS, _FFT = 60, 400
_KERNELS, _DILATIONS, _SPLIT = (5, 3, 3, 3, 1), (1, 2, 3, 4, 1), 8


@dataclass(frozen=True)
class Shape:
    """A model's dimensions; `inner` are those of its attentions."""

    width: int = 1024
    inner: int = 128
    embedding: int = 256
    hidden: int = 512

    def smaller(self, scale: int) -> Shape:
        """The same, narrower by so many times, as tests have it."""
        return replace(self, width=max(self.width // scale, 32), inner=max(self.inner // scale, 8))


def voxlingua(scale: int) -> list[Part]:
    """The model's file in Q8_0."""
    shape = Shape().smaller(scale)
    spoken = engines.get("transcribe-cpp").models[NAME]["languages"].split()
    return [part(f"{NAME}-Q8_0.gguf", keys(shape, spoken), tensors(shape, len(spoken)))]


def keys(shape: Shape, labels: Sequence[str], aliases: Sequence[str] = ()) -> Keys:
    """The keys of a model that tells the languages `labels` apart."""
    own: dict[str, object] = {
        "channels": np.array([shape.width] * 4 + [3 * shape.width], np.int32),
        "kernel_sizes": np.array(_KERNELS, np.int32), "dilations": np.array(_DILATIONS, np.int32),
        "res2net_scale": _SPLIT, "se_channels": shape.inner, "attention_channels": shape.inner, "asp_eps": 1e-12,
        "embedding_dim": shape.embedding, "classifier_hidden": shape.hidden, "classifier_leaky_slope": 0.01,
    }  # fmt: skip
    front: dict[str, object] = {
        "sample_rate": 16_000, "n_fft": _FFT, "hop_length": 160, "win_length": _FFT, "num_mels": _MELS,
        "window": "hamming_periodic", "pad_mode": "constant", "log_clamp_min": 1e-10, "top_db": 80.0,
        "normalize": "sentence_mean", "type": "speechbrain_fbank",
    }  # fmt: skip
    return {
        "general.architecture": "ecapa_tdnn",
        "stt.variant": NAME,
        **{f"stt.frontend.{key}": value for key, value in front.items()},  # type: ignore[dict-item]
        **{f"stt.ecapa_tdnn.{key}": value for key, value in own.items()},  # type: ignore[dict-item]
        "stt.langid.labels.codes": list(labels),
        "stt.langid.labels.names": [f"language {label}" for label in labels],
        "stt.langid.labels.aliases": list(aliases),
    }


def tensors(shape: Shape, labels: int, seed: int = 1) -> dict[str, Tensor]:
    """The tensors of a model that tells so many languages apart, by the loader's names."""
    return _Tensors(shape, seed).made(labels)


class _Tensors:
    def __init__(self, shape: Shape, seed: int) -> None:
        self._shape = shape
        self._noise = Noise(seed)
        self._made: dict[str, Tensor] = {}

    def made(self, labels: int) -> dict[str, Tensor]:
        shape, width, pooled = self._shape, self._shape.width, 3 * self._shape.width
        self._made["frontend.mel_filterbank"] = Tensor((_MELS, _FFT // 2 + 1), "f32", _bands)
        self._convolution("blk.0", (_KERNELS[0], width, _MELS))
        for number in (1, 2, 3):
            self._block(f"blk.{number}", _KERNELS[number])
        for number in (1, 2, 3):
            self._matrix(f"mfa.w{number}", pooled, width)
        self._biased("mfa", pooled, normed=True)
        for name in ("x", "mean", "std"):
            self._matrix(f"asp.tdnn.{name}", shape.inner, pooled)
        self._biased("asp.tdnn", shape.inner, normed=True)
        self._layer("asp.attn", pooled, shape.inner)
        self._layer("fc", shape.embedding, 2 * pooled)
        self._layer("cls.l1", shape.hidden, shape.embedding)
        self._layer("cls.out", labels, shape.hidden)
        return self._made

    def _block(self, at: str, kernel: int) -> None:
        width, inner, narrow = self._shape.width, self._shape.inner, self._shape.width // _SPLIT
        self._layer(f"{at}.tdnn1", width, width, normed=True)
        for number in range(_SPLIT - 1):
            self._convolution(f"{at}.res2.{number}", (kernel, narrow, narrow))
        self._layer(f"{at}.tdnn2", width, width, normed=True)
        self._layer(f"{at}.se.c1", inner, width)
        self._layer(f"{at}.se.c2", width, inner)

    def _layer(self, name: str, outs: int, ins: int, *, normed: bool = False) -> None:
        self._matrix(name, outs, ins)
        self._biased(name, outs, normed=normed)

    def _matrix(self, name: str, outs: int, ins: int) -> None:
        kind = "q8_0" if ins % 32 == 0 else "f32"
        self._draw(f"{name}.weight", (outs, ins), 1 / math.sqrt(ins), kind)

    def _convolution(self, name: str, shape: tuple[int, int, int]) -> None:
        """A kernel with its taps outermost, as the loader has it; the published file has it in full precision."""
        self._draw(f"{name}.conv.weight", shape, 1 / math.sqrt(shape[0] * shape[2]))
        self._draw(f"{name}.conv.bias", shape[1:2], 0.05)
        self._norm(name, shape[1])

    def _biased(self, name: str, size: int, *, normed: bool) -> None:
        self._draw(f"{name}.bias", (size,), 0.05)
        if normed:
            self._norm(name, size)

    def _norm(self, name: str, size: int) -> None:
        self._made[f"{name}.bn.scale"] = Tensor((size,), "f32", lambda: np.ones(size))
        self._draw(f"{name}.bn.shift", (size,), 0.05)

    def _draw(self, name: str, shape: tuple[int, ...], spread: float, kind: str = "f32") -> None:
        self._made[name] = Tensor(shape, kind, lambda: self._noise.floats(name, shape, spread))


def _bands() -> np.ndarray:
    """Triangular filters, evenly spaced: the makers' are in their file alone."""
    middles = np.linspace(2, _FFT // 2 - 2, _MELS)[:, None]
    return np.clip(1 - np.abs(np.arange(_FFT // 2 + 1) - middles) / 4, 0, 1)
