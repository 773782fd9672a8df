"""Parakeet and Nemotron as transcribe-cpp reads them: its loader's keys and tensors (`src/arch/parakeet`, 0.4).

A FastConformer with a transducer: Parakeet's predicts durations too, Nemotron's streams, with a mask of chunks.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from full_size.gguf_file import Keys, Tensor, part
from full_size.making import Part
from full_size.noise import Noise

_HEADS, _MELS, _SUBSAMPLING = 8, 128, 256
_KERNEL = 9
_EUROPE = "bg hr cs da nl en et fi fr de el hu it lv lt mt pl pt ro sk sl es sv ru uk"
_BLANK = 1.6, 3.0  # how much likelier no token is, without and with streaming: a text has a few a second


@dataclass(frozen=True)
class Shape:
    """A model's dimensions; `units` are those of the prediction and joint networks."""

    streaming: bool
    words: int
    width: int = 1024
    layers: int = 24
    units: int = 640

    def smaller(self, scale: int) -> Shape:
        """The same with so many times fewer layers, and narrower, as tests have it."""
        width, units = max(self.width // scale, 64), max(self.units // scale, 64)
        return replace(self, width=width, units=units, layers=max(self.layers // scale, 1))


SHAPES = {
    "parakeet-tdt-0.6b-v3": Shape(streaming=False, words=8192),
    "nemotron-speech-streaming-en-0.6b": Shape(streaming=True, words=1024),
}


def parakeet(scale: int, name: str) -> list[Part]:
    """The file of a model in Q8_0."""
    shape = SHAPES[name].smaller(scale)
    return [part(f"{name}-Q8_0.gguf", _keys(shape, name), _Tensors(shape).made())]


def pieces(count: int) -> list[str]:
    """Different tokens like SentencePiece's, every third of which begins a word."""
    letters = string.ascii_lowercase
    return ["<unk>"] + [
        ("▁" if number % 3 == 0 else "") + "".join(letters[number // 26**place % 26] for place in range(3))
        for number in range(1, count)
    ]


def _keys(shape: Shape, name: str) -> Keys:
    streaming, words = shape.streaming, shape.words
    encoder: dict[str, object] = {
        "n_layers": shape.layers, "d_model": shape.width, "n_heads": _HEADS, "d_ff": 4 * shape.width,
        "conv_kernel": _KERNEL, "subsampling_factor": 8, "subsampling_channels": _SUBSAMPLING, "pos_emb_max_len": 5000,
        "use_bias": False, "xscaling": False,
        "att_context_left": np.int32(70 if streaming else -1), "att_context_right": np.int32(13 if streaming else -1),
        "att_context_style": "chunked_limited" if streaming else "regular",
        "conv_context_left": np.int32(8 if streaming else 4), "conv_context_right": np.int32(0 if streaming else 4),
        "conv_norm_type": "layer_norm" if streaming else "batch_norm",
    }  # fmt: skip
    if streaming:
        encoder |= {
            "att_context_size_choices": np.array([70, 13, 70, 6, 70, 1, 70, 0], np.int32),
            "streaming.pre_encode_cache_size": np.int32(9),
            "streaming.drop_extra_pre_encoded": np.int32(2),
            "streaming.sampling_frames_first": np.int32(1),
        }
    durations = {"tdt.durations": np.arange(5, dtype=np.int32), "tdt.max_symbols": 10}
    kind: dict[str, object] = {
        "head_kind": "rnnt" if streaming else "tdt",
        **{f"encoder.{key}": value for key, value in encoder.items()},
        "predictor.hidden": shape.units, "predictor.n_layers": 2, "predictor.vocab": words + 1,
        "joint.hidden": shape.units, "joint.num_extra_outputs": 0 if streaming else 5, "joint.activation": "relu",
        **({} if streaming else durations),
    }  # fmt: skip
    front: dict[str, object] = {
        "num_mels": _MELS, "sample_rate": 16_000, "n_fft": 512, "win_length": 400, "hop_length": 160, "type": "mel",
        "window": "hann", "normalize": "none" if streaming else "per_feature", "dither": 1e-5,
        "pre_emphasis": 0.0 if streaming else 0.97, "f_min": 0.0, "f_max": 8000.0,
    }  # fmt: skip
    return {
        "general.architecture": "parakeet",
        "general.languages": ["en"] if streaming else _EUROPE.split(),
        "stt.variant": name,
        "stt.capability.lang_detect": not streaming,
        "stt.capability.streaming": streaming,
        "tokenizer.ggml.model": "bpe",
        "tokenizer.ggml.tokens": pieces(words),
        "tokenizer.ggml.scores": np.zeros(words, np.float32),
        "tokenizer.ggml.token_type": np.array([2] + [1] * (words - 1), np.int32),
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.blank_token_id": words,
        **{f"stt.parakeet.{key}": value for key, value in kind.items()},  # type: ignore[dict-item]
        **{f"stt.frontend.{key}": value for key, value in front.items()},  # type: ignore[dict-item]
    }


class _Tensors:
    """The tensors of a model, by the loader's names."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._noise = Noise()
        self._made: dict[str, Tensor] = {}

    def made(self) -> dict[str, Tensor]:
        width, units, words = self._shape.width, self._shape.units, self._shape.words
        self._front()
        for number in range(self._shape.layers):
            self._block(f"enc.blocks.{number}")
        self._matrix("pred.embed", words + 1, units)
        for number in range(2):
            self._matrix(f"pred.lstm.{number}.Wx", 4 * units, units, weight="")
            self._matrix(f"pred.lstm.{number}.Wh", 4 * units, units, weight="")
            self._vector(f"pred.lstm.{number}.bias", np.zeros(4 * units))
        outputs = words + 1 + (0 if self._shape.streaming else 5)
        for name, ins, outs in (("enc", width, units), ("pred", units, units), ("out", units, outputs)):
            self._matrix(f"joint.{name}", outs, ins)
            bias = np.zeros(outs)
            if name == "out":
                bias[words] = _BLANK[self._shape.streaming]
            self._vector(f"joint.{name}.bias", bias)
        return self._made

    def _front(self) -> None:
        """The convolutions that make one frame of eight."""
        at, channels = "enc.pre_encode", _SUBSAMPLING
        for number, ins in ((0, 1), (2, 1), (3, channels), (5, 1), (6, channels)):
            side = 1 if ins == channels else 3
            self._convolution(f"{at}.conv.{number}", (channels, ins, side, side))
            self._vector(f"{at}.conv.{number}.bias", np.zeros(channels))
        # A causal model pads its features, and so has one row more.
        rows = _MELS // 8 + (1 if self._shape.streaming else 0)
        self._matrix(f"{at}.out", self._shape.width, channels * rows)
        self._vector(f"{at}.out.bias", np.zeros(self._shape.width))

    def _block(self, at: str) -> None:
        width = self._shape.width
        for name in ("ff1", "attn", "conv", "ff2", "out"):
            self._norm(f"{at}.norm_{name}")
        for name in ("ff1", "ff2"):
            self._matrix(f"{at}.{name}.linear1", 4 * width, width)
            self._matrix(f"{at}.{name}.linear2", width, 4 * width)
        for name in ("q", "k", "v", "out", "pos"):
            self._matrix(f"{at}.attn.linear_{name}", width, width)
        for name in ("u", "v"):
            bias = f"{at}.attn.pos_bias_{name}"
            self._vector(bias, self._noise.floats(bias, (_HEADS, width // _HEADS), 0.02))
        self._convolution(f"{at}.conv.pointwise1", (2 * width, width, 1))
        self._convolution(f"{at}.conv.depthwise", (width, 1, _KERNEL))
        self._convolution(f"{at}.conv.pointwise2", (width, width, 1))
        self._norm(f"{at}.conv.bn")
        if not self._shape.streaming:
            self._vector(f"{at}.conv.bn.running_mean", np.zeros(width))
            self._vector(f"{at}.conv.bn.running_var", np.ones(width))

    def _norm(self, name: str) -> None:
        self._vector(f"{name}.weight", np.ones(self._shape.width))
        self._vector(f"{name}.bias", np.zeros(self._shape.width))

    def _vector(self, name: str, numbers: np.ndarray) -> None:
        self._made[name] = Tensor(numbers.shape, "f32", lambda: numbers)

    def _matrix(self, name: str, outs: int, ins: int, weight: str = ".weight") -> None:
        self._made[name + weight] = Tensor((outs, ins), "q8_0", self._draw(name, (outs, ins), ins))

    def _convolution(self, name: str, shape: Sequence[int]) -> None:
        self._made[f"{name}.weight"] = Tensor(tuple(shape), "f16", self._draw(name, shape, math.prod(shape[1:])))

    def _draw(self, name: str, shape: Sequence[int], ins: int) -> Callable[[], np.ndarray]:
        return lambda: self._noise.floats(name, shape, 1 / math.sqrt(ins))
