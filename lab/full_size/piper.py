"""A voice of piper's, medium quality: VITS with 16 million weights. Each phoneme takes as long; the sound is noise.

Shapes are those of piper's training code for that quality; the duration predictor computes as it does there, and what
it says counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .making import CannotMake, Part
from .noise import Noise
from .onnx_file import Graph, floats, ints
from .voices import QUIET, channel_norm, conv1d, frames_of, leaky, repeated, turned, widened

RATE, HOP = 22_050, 256
_WIDTH, _HEADS, _LAYERS, _INNER = 192, 2, 6, 768
_FRAMES = 4.0  # of a phoneme or of the pause that piper puts between two
_UPSAMPLING = ((16, 8), (16, 8), (8, 4))  # kernels and factors
_FIRST = 256  # channels of the vocoder, half as many after each upsampling
_KERNELS, _DILATIONS = (3, 5, 7), ((1, 2), (2, 6), (3, 12))


def files(scale: int, name: str) -> list[Part]:
    """`NAME.onnx.json` and `NAME.onnx`."""
    language = name.partition("-")[0]
    return [
        Part(f"{name}.onnx.json", 4000, lambda path: _describe(path, language)),
        voice(scale, f"{name}.onnx"),
    ]


def voice(scale: int, file: str, notes: Mapping[str, str] | None = None) -> Part:
    """The graph. Tests take fewer layers of the same width."""
    g = Graph("piper", Noise(), notes=notes)
    x = _text(g, max(_LAYERS // scale, 1))
    pace = g.op("Slice", "scales", g.constant([1]), g.constant([2]))
    durations = _durations(g, x, max(3 // scale, 1))
    heard = conv1d(g, g.op("Add", x, g.op("Mul", durations, g.constant(np.float32(1e-6)))), _WIDTH, 2 * _WIDTH)
    mean, _ = g.ops("Split", 2, heard, axis=1, num_outputs=2)
    z = repeated(g, mean, _WIDTH, frames_of(g, _FRAMES, pace, slower=True))
    for _ in range(max(4 // scale, 1)):
        z = _flow(g, z)
    g.output("output", "Tanh", _vocoder(g, z))
    inputs = [ints("input", 1, "N"), ints("input_lengths", 1), floats("scales", 3)]
    return g.part(file, inputs, [floats("output", 1, 1, "T")])


def description(language: str, speakers: tuple[str, ...] = ()) -> dict[str, Any]:
    """The content of a voice's `.onnx.json`."""
    try:
        from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
    except ImportError as error:
        raise CannotMake(f"Piper's voices are made with its package's phonemes ({error}).") from error
    return {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": language.split("_")[0]},
        "language": {"code": language},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": 256,
        "num_speakers": max(1, len(speakers)),
        "speaker_id_map": {speaker: number for number, speaker in enumerate(speakers)},
        "hop_length": HOP,
    }


def _describe(path: Path, language: str) -> None:
    path.write_text(json.dumps(description(language)))


def _text(g: Graph, layers: int) -> str:
    x = g.op("Gather", g.weights((256, _WIDTH), 1.0), "input")  # (1, phonemes, width)
    each = _WIDTH // _HEADS
    for _ in range(layers):
        query, key, value = (
            g.op("Transpose", g.op("Reshape", g.linear(x, _WIDTH, _WIDTH), g.constant([0, 0, _HEADS, each])), perm=perm)
            for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
        )
        scores = g.op("Softmax", g.op("Mul", g.op("MatMul", query, key), g.constant(np.float32(each**-0.5))), axis=-1)
        heard = g.op("Transpose", g.op("MatMul", scores, value), perm=[0, 2, 1, 3])
        heard = g.linear(g.op("Reshape", heard, g.constant([0, 0, _WIDTH])), _WIDTH, _WIDTH)
        x = g.norm(g.op("Add", x, heard), _WIDTH)
        inner = g.op("Relu", conv1d(g, turned(g, x), _WIDTH, _INNER, 3))
        x = g.norm(g.op("Add", x, turned(g, conv1d(g, inner, _INNER, _WIDTH, 3))), _WIDTH)
    return turned(g, x)


def _durations(g: Graph, x: str, flows: int) -> str:
    """The stochastic duration predictor's layers: separable convolutions, and as many again in each flow."""
    x = _separable(g, conv1d(g, x, _WIDTH, _WIDTH))
    for _ in range(flows):
        x = g.op("Add", x, _separable(g, x))
        x = g.op("Add", x, conv1d(g, conv1d(g, x, _WIDTH, 29), 29, _WIDTH))
    return conv1d(g, x, _WIDTH, _WIDTH)


def _separable(g: Graph, x: str) -> str:
    for layer in range(3):
        y = conv1d(g, x, _WIDTH, _WIDTH, 3, 3**layer, group=_WIDTH)
        y = g.op("Relu", channel_norm(g, y, _WIDTH))
        x = g.op("Add", x, g.op("Relu", channel_norm(g, conv1d(g, y, _WIDTH, _WIDTH), _WIDTH)))
    return x


def _flow(g: Graph, z: str) -> str:
    """A coupling layer, backwards: one half is moved by what four gated convolutions make of the other."""
    half = _WIDTH // 2
    first, second = g.ops("Split", 2, z, axis=1, num_outputs=2)
    x = conv1d(g, first, half, _WIDTH)
    skipped = ""
    for layer in range(4):
        value, gate = g.ops("Split", 2, conv1d(g, x, _WIDTH, 2 * _WIDTH, 5), axis=1, num_outputs=2)
        gated = g.op("Mul", g.op("Tanh", value), g.op("Sigmoid", gate))
        if layer < 3:
            more, skip = g.ops("Split", 2, conv1d(g, gated, _WIDTH, 2 * _WIDTH), axis=1, num_outputs=2)
            x = g.op("Add", x, more)
        else:
            skip = conv1d(g, gated, _WIDTH, _WIDTH)
        skipped = g.op("Add", skipped, skip) if skipped else skip
    return g.op("Concat", g.op("Sub", second, conv1d(g, skipped, _WIDTH, half)), first, axis=1)


def _vocoder(g: Graph, z: str) -> str:
    """HiFi-GAN with its second kind of residual block."""
    channels = _FIRST
    x = conv1d(g, z, _WIDTH, channels, 7)
    for kernel, times in _UPSAMPLING:
        x, channels = widened(g, leaky(g, x), channels, channels // 2, kernel, times), channels // 2
        sums = []
        for width, dilations in zip(_KERNELS, _DILATIONS, strict=True):
            y = x
            for dilation in dilations:
                y = g.op("Add", y, conv1d(g, leaky(g, y), channels, channels, width, dilation))
            sums.append(y)
        x = g.op("Mul", g.op("Sum", *sums), g.constant(np.float32(1 / len(sums))))
    return conv1d(g, leaky(g, x), channels, 1, 7, gain=QUIET)
