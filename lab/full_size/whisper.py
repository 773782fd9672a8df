"""Whisper's checkpoints of any size that say one sentence to any sound.

The work is that of real weights. Only the decoder's positions are not chance: each says which word comes next, and the
last that it is over, so that a text is as long as a sentence and no second try is made for it. The tokens of times
weigh nothing, by which hushd knows a model that never learnt times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import checkpoint
from .making import Part
from .noise import Noise

SENTENCE = " one two three four five six seven eight nine ten eleven twelve."
_BEFORE = 3  # positions until the first word is decided: start, language, task, and then `no timestamps`
_HEAD = 64  # of attention, in all of Whisper's sizes
_HEARD, _READ = 1500, 448  # places of the encoder and of the decoder
_TIMES = 1501  # tokens of times, the last of all
_LOUD = 60  # length of a position in the decoder, against what attention adds to it
_CERTAIN = 40  # how much more likely, in the exponent, the word is that a position points at


@dataclass(frozen=True)
class Shape:
    """Dimensions by OpenAI's names; heads have 64 numbers each."""

    mels: int
    words: int
    heads: int
    audio_layers: int
    text_layers: int

    def smaller(self, scale: int) -> Shape:
        """The same with so many times fewer layers and heads."""
        small = (max(count // scale, 1) for count in (self.heads, self.audio_layers, self.text_layers))
        return Shape(self.mels, self.words, *small)

    @property
    def width(self) -> int:
        return self.heads * _HEAD

    @property
    def dims(self) -> dict[str, int]:
        """The checkpoint's `dims`."""
        return {
            "n_mels": self.mels, "n_audio_ctx": _HEARD, "n_audio_state": self.width, "n_audio_head": self.heads,
            "n_audio_layer": self.audio_layers, "n_vocab": self.words, "n_text_ctx": _READ,
            "n_text_state": self.width, "n_text_head": self.heads, "n_text_layer": self.text_layers,
        }  # fmt: skip


SHAPES = {
    "tiny": Shape(80, 51865, 6, 4, 4),
    "base": Shape(80, 51865, 8, 6, 6),
    "small": Shape(80, 51865, 12, 12, 12),
    "medium": Shape(80, 51865, 16, 24, 24),
    "large-v3": Shape(128, 51866, 20, 32, 32),
    "large-v3-turbo": Shape(128, 51866, 20, 32, 4),
}


def openai(scale: int, size: str, name: str | None = None) -> list[Part]:
    """A checkpoint, in half precision as OpenAI's are; `name` without `.pt` where it is not the size's."""
    shape = SHAPES[size].smaller(scale)
    draw = partial(_draw, Noise(), shape)
    return [checkpoint.part(f"{name or size}.pt", tensor_shapes(shape), draw, dims=shape.dims)]


def tensor_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    width = shape.width
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.conv1.weight": (width, shape.mels, 3),
        "encoder.conv1.bias": (width,),
        "encoder.conv2.weight": (width, width, 3),
        "encoder.conv2.bias": (width,),
        "encoder.positional_embedding": (_HEARD, width),
        "decoder.token_embedding.weight": (shape.words, width),
        "decoder.positional_embedding": (_READ, width),
        **_norm("encoder.ln_post", width),
        **_norm("decoder.ln", width),
    }
    for half, layers in (("encoder", shape.audio_layers), ("decoder", shape.text_layers)):
        for number in range(layers):
            block = f"{half}.blocks.{number}"
            for attention in ("attn", "cross_attn") if half == "decoder" else ("attn",):
                shapes |= _attention(f"{block}.{attention}", width) | _norm(f"{block}.{attention}_ln", width)
            shapes |= _linear(f"{block}.mlp.0", width, 4 * width) | _linear(f"{block}.mlp.2", 4 * width, width)
            shapes |= _norm(f"{block}.mlp_ln", width)
    return shapes


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _linear(name: str, ins: int, outs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outs, ins), f"{name}.bias": (outs,)}


def _attention(name: str, width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for matrix in ("query", "key", "value", "out"):
        shapes |= _linear(f"{name}.{matrix}", width, width)
    del shapes[f"{name}.key.bias"]
    return shapes


def _draw(noise: Noise, shape: Shape, name: str, size: tuple[int, ...]) -> np.ndarray:
    """A tensor by its name."""
    if name == "encoder.positional_embedding":
        return _sinusoids(*size)
    if name == "decoder.token_embedding.weight":
        return _words(noise, shape)
    if name == "decoder.positional_embedding":
        return _script(noise, shape)
    if len(size) == 1:
        return (np.ones if name.endswith(("ln.weight", "ln_post.weight")) else np.zeros)(size)
    gain = 0.025 if name.endswith(("out.weight", "mlp.2.weight")) else 0.5  # the additions to the script are quiet
    return noise.floats(name, size, gain / math.sqrt(math.prod(size[1:])), np.float16)


def _sinusoids(length: int, width: int) -> np.ndarray:
    """Returns the sinusoids of Whisper's encoder."""
    rates = np.exp(-math.log(10_000) / (width // 2 - 1) * np.arange(width // 2))
    times = np.arange(length)[:, None] * rates
    return np.concatenate([np.sin(times), np.cos(times)], axis=1)


def _words(noise: Noise, shape: Shape) -> np.ndarray:
    words = noise.floats("words", (shape.words, shape.width), _CERTAIN / shape.width)
    words[-_TIMES:] = 0
    return words


def _script(noise: Noise, shape: Shape) -> np.ndarray:
    """The direction of the word that each position decides: the sentence, and then the end."""
    from support.whisper_models import ranks

    tokens, words = ranks(shape.words), _words(noise, shape)
    spoken = [*(f" {word}".encode() for word in SENTENCE.rstrip(".").split()), b"."]
    said = [tokens[word] for word in spoken]
    end = len(tokens)  # the first of the special tokens
    script = noise.floats("places", (_READ, shape.width), 0.01)
    for place in range(_BEFORE, _READ):
        word = words[said[place - _BEFORE] if place - _BEFORE < len(said) else end]
        script[place] = _LOUD * word / np.linalg.norm(word)
    return script
