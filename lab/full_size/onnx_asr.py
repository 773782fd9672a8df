"""Parakeet as onnx-asr reads it, and the encoder that NeMo's models share: a FastConformer.

Shapes are those of the published models' `model_config.yaml`. Every fourth frame makes a token.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

import numpy as np
from onnx import TensorProto

from .making import Part, text
from .noise import Noise
from .onnx_file import Graph, floats, ints

_MAX_FRAMES = 5000  # frames of the encoder that its table of positions covers on each side
HEADS = 8
_SUBSAMPLING = 256  # channels of the convolutions in front, which make one frame of eight
_DURATIONS = 5  # of TDT: 0 to 4 frames
_LONG_LENGTH = 2**62


@dataclass(frozen=True)
class Shape:
    """A model's dimensions.

    Attributes:
        width: of the encoder, whose feed-forward layers are four times as wide.
        layers: of the encoder.
        words: tokens without the blank.
    """

    width: int
    layers: int
    words: int
    features: int = 128

    def smaller(self, scale: int) -> Shape:
        """The same with so many times fewer layers, and narrower, as tests have it."""
        width = max(self.width // scale, 2 * HEADS)
        return replace(self, width=width, layers=max(self.layers // scale, 1), words=max(self.words // scale, 64))


PARAKEET = Shape(width=1024, layers=24, words=8192)
UNITS = 640  # of Parakeet's prediction and joint networks


def parakeet(scale: int, int8: bool) -> list[Part]:
    """Parakeet TDT 0.6b v3: `encoder-model` and `decoder_joint-model`, in float32 with external data, as published."""
    shape, noise = PARAKEET.smaller(scale), Noise()
    units = max(UNITS // scale, 16)
    end = ".int8.onnx" if int8 else ".onnx"
    words = [*(f"▁w{number}" for number in range(shape.words)), "<blk>"]
    encoder = Graph("encoder", noise, int8)
    frames = encode(encoder, shape)
    encoder.output("outputs", "Transpose", frames, perm=[0, 2, 1])
    encoder.output("encoded_lengths", "Identity", encoded_frames(encoder))
    joint = _joint(Graph("joint", noise, int8), shape, units)
    return [
        text("vocab.txt", "".join(f"{word} {number}\n" for number, word in enumerate(words))),
        text("config.json", config("nemo-conformer-tdt", shape)),
        joint.part(f"decoder_joint-model{end}", *_joint_sides(shape, units)),
        encoder.part(
            f"encoder-model{end}",
            [floats("audio_signal", "B", shape.features, "T"), ints("length", "B")],
            [floats("outputs", "B", shape.width, "F"), ints("encoded_lengths", "B")],
            apart=not int8,
        ),
    ]


def config(kind: str, shape: Shape) -> str:
    """The content of config.json."""
    known = {"model_type": kind, "features_size": shape.features, "subsampling_factor": 8}
    return json.dumps(known | {"languages": ["en", "de"]})


# --- the encoder -----------------------------------------------------------------------------------------------------


def encode(g: Graph, shape: Shape) -> str:
    """A FastConformer: (batch, frames, width) from `audio_signal`, an eighth as many frames."""
    width = shape.width
    x = g.op("Unsqueeze", g.op("Transpose", "audio_signal", perm=[0, 2, 1]), g.constant([1]))
    x = g.op("Relu", g.conv(x, 1, _SUBSAMPLING, (3, 3), strides=[2, 2], pads=[1] * 4))
    for _ in range(2):
        x = g.conv(x, _SUBSAMPLING, _SUBSAMPLING, (3, 3), _SUBSAMPLING, strides=[2, 2], pads=[1] * 4)
        x = g.op("Relu", g.conv(x, _SUBSAMPLING, _SUBSAMPLING, (1, 1)))
    x = g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 1, 3]), g.constant([0, 0, -1]))
    x = g.linear(x, _SUBSAMPLING * shape.features // 8, width)
    length = g.op("Gather", g.op("Shape", x), g.constant([1]), axis=0)
    positions = _positions(g, length, width)
    for _ in range(shape.layers):
        x = _conformer(g, x, positions, length, width)
    return x


def encoded_frames(g: Graph) -> str:
    """Returns the number of the encoder's frames that are sound, for each in the batch."""
    return g.op("Div", g.op("Add", "length", g.constant([7])), g.constant([8]))


def _positions(g: Graph, length: str, width: int) -> str:
    """Relative positions, (1, 2 x length - 1, width), cut out of a table as long as NeMo exports it."""
    centre, one = g.constant([_MAX_FRAMES]), g.constant([1])
    table = g.made((1, 2 * _MAX_FRAMES - 1, width), lambda: _table(width))
    end = g.op("Sub", g.op("Add", centre, length), one)
    return g.op("Slice", table, g.op("Sub", centre, length), end, one)


def _table(width: int) -> np.ndarray:
    distances = np.arange(_MAX_FRAMES - 1, -_MAX_FRAMES, -1, dtype=np.float32)[:, None]
    rates = np.exp(np.arange(0, width, 2, dtype=np.float32) * -(math.log(10000) / width))
    table = np.zeros((1, 2 * _MAX_FRAMES - 1, width), np.float32)
    table[0, :, 0::2], table[0, :, 1::2] = np.sin(distances * rates), np.cos(distances * rates)
    return table


def _conformer(g: Graph, x: str, positions: str, length: str, width: int) -> str:
    """A layer: half a feed-forward, attention, convolution, half a feed-forward."""
    x = _half_feed_forward(g, x, width)
    x = g.op("Add", x, _relative_attention(g, g.norm(x, width), positions, length, width))
    x = g.op("Add", x, _convolution(g, g.norm(x, width), width))
    return g.norm(_half_feed_forward(g, x, width), width)


def _half_feed_forward(g: Graph, x: str, width: int) -> str:
    inner = g.swish(g.linear(g.norm(x, width), width, 4 * width))
    return g.op("Add", x, g.op("Mul", g.linear(inner, 4 * width, width), g.constant(np.float32(0.5))))


def heads(g: Graph, x: str, width: int, perm: list[int]) -> str:
    """`x`, (batch, frames, width), split into heads and transposed."""
    return g.op("Transpose", g.op("Reshape", x, g.constant([0, 0, HEADS, width // HEADS])), perm=perm)


def _relative_attention(g: Graph, x: str, positions: str, length: str, width: int) -> str:
    each = width // HEADS
    query = g.op("Reshape", g.linear(x, width, width), g.constant([0, 0, HEADS, each]))
    key = heads(g, g.linear(x, width, width), width, [0, 2, 3, 1])
    value = heads(g, g.linear(x, width, width), width, [0, 2, 1, 3])
    place = heads(g, g.linear(positions, width, width, bias=False), width, [0, 2, 3, 1])
    content, distance = (
        g.op("Transpose", g.op("Add", query, g.weights((HEADS, each), 0.02)), perm=[0, 2, 1, 3]) for _ in range(2)
    )
    scores = g.op("Add", g.op("MatMul", content, key), _shifted(g, g.op("MatMul", distance, place), length))
    scores = g.op("Softmax", g.op("Mul", scores, g.constant(np.float32(each**-0.5))), axis=-1)
    heard = g.op("Transpose", g.op("MatMul", scores, value), perm=[0, 2, 1, 3])
    return g.linear(g.op("Reshape", heard, g.constant([0, 0, width])), width, width)


def _shifted(g: Graph, scores: str, length: str) -> str:
    """Transformer-XL's shift: scores by distance, (…, length, 2 x length - 1), become those by place."""
    one = g.constant([1])
    scores = g.op("Pad", scores, g.constant([0, 0, 0, 1, 0, 0, 0, 0]))
    scores = g.op("Reshape", scores, g.op("Concat", g.constant([0, HEADS, -1]), length, axis=0))
    scores = g.op("Slice", scores, one, g.constant([_LONG_LENGTH]), g.constant([2]))
    scores = g.op("Reshape", scores, g.op("Concat", g.constant([0, HEADS]), length, g.constant([-1]), axis=0))
    return g.op("Slice", scores, g.constant([0]), length, g.constant([3]))


def _convolution(g: Graph, x: str, width: int) -> str:
    x = g.op("Transpose", g.linear(x, width, 2 * width), perm=[0, 2, 1])
    value, gate = g.ops("Split", 2, x, axis=1, num_outputs=2)
    x = g.op("Mul", value, g.op("Sigmoid", gate))
    x = g.conv(x, width, width, (9,), width, pads=[4, 4])
    return g.linear(g.op("Transpose", g.swish(x), perm=[0, 2, 1]), width, width)


# --- Parakeet's decoder ----------------------------------------------------------------------------------------------


def _joint(g: Graph, shape: Shape, units: int) -> Graph:
    """The prediction network, two LSTMs, and the joint network, whose bias says: a token, and four frames on."""
    y = g.op("Gather", g.weights((shape.words + 1, units), 0.1), "targets")
    y = g.op("Transpose", y, perm=[1, 0, 2])
    states = []
    for layer in range(2):
        y, hidden, cell = g.ops(
            "LSTM", 3, y, g.weights((1, 4 * units, units), 0.02), g.weights((1, 4 * units, units), 0.02),
            g.constant(np.zeros((1, 8 * units), np.float32)), "",
            _layer_of(g, "input_states_1", layer), _layer_of(g, "input_states_2", layer), hidden_size=units,
        )  # fmt: skip
        y = g.op("Squeeze", y, g.constant([1]))
        states.append((hidden, cell))
    for name, parts in zip(("output_states_1", "output_states_2"), zip(*states, strict=True), strict=True):
        g.output(name, "Concat", *parts, axis=0)
    said = g.linear(g.op("Transpose", y, perm=[1, 0, 2]), units, units)
    heard = g.linear(g.op("Transpose", "encoder_outputs", perm=[0, 2, 1]), shape.width, units)
    z = g.linear(g.op("Relu", g.op("Add", said, heard)), units, shape.words + 1 + _DURATIONS, False, 0.02)
    bias = np.zeros(shape.words + 1 + _DURATIONS, np.float32)
    bias[shape.words], bias[-1] = -50, 50
    g.output("outputs", "Unsqueeze", g.op("Add", z, g.constant(bias)), g.constant([1]))
    return g


def _layer_of(g: Graph, states: str, layer: int) -> str:
    return g.op("Slice", states, g.constant([layer]), g.constant([layer + 1]), g.constant([0]))


def _joint_sides(shape: Shape, units: int) -> tuple[list, list]:
    states = [floats(f"input_states_{n}", 2, 1, units) for n in (1, 2)]
    after = [floats(f"output_states_{n}", 2, 1, units) for n in (1, 2)]
    inputs = [
        floats("encoder_outputs", 1, shape.width, 1),
        ints("targets", 1, 1, kind=TensorProto.INT32),
        ints("target_length", 1, kind=TensorProto.INT32),
    ]
    return [*inputs, *states], [floats("outputs", 1, 1, 1, shape.words + 1 + _DURATIONS), *after]
