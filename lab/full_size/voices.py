"""Layers of a voice's graph: they work on (1, channels, frames)."""

from __future__ import annotations

import math

import numpy as np

from .onnx_file import Graph

QUIET = 0.1  # gain of the last layer, so that no speech is clipped


def conv1d(
    g: Graph, x: str, ins: int, outs: int, kernel: int = 1, dilation: int = 1, group: int = 1, gain: float = 0.7
) -> str:
    """A convolution that keeps the length."""
    side = dilation * (kernel - 1) // 2
    return g.conv(x, ins, outs, (kernel,), group, gain, pads=[side, side], dilations=[dilation])


def widened(g: Graph, x: str, ins: int, outs: int, kernel: int, times: int) -> str:
    """A transposed convolution that makes `times` frames of each."""
    weights = g.weights((ins, outs, kernel), 1 / math.sqrt(ins * kernel / times))
    side = kernel - times
    pads = [side // 2, side - side // 2]
    return g.op("ConvTranspose", x, weights, g.weights((outs,), 0.01), strides=[times], pads=pads)


def repeated(g: Graph, x: str, channels: int, times: str) -> str:
    """Each frame of `x` so many times: `times` is a tensor of one number."""
    sizes = g.op("Concat", g.constant([1, channels, 1]), times, axis=0)
    x = g.op("Expand", g.op("Unsqueeze", x, g.constant([3])), sizes)
    return g.op("Reshape", x, g.constant([1, channels, -1]))


def leaky(g: Graph, x: str) -> str:
    return g.op("LeakyRelu", x, alpha=0.1)


def turned(g: Graph, x: str) -> str:
    """(1, channels, frames) and (1, frames, channels) into each other."""
    return g.op("Transpose", x, perm=[0, 2, 1])


def channel_norm(g: Graph, x: str, channels: int) -> str:
    """Layer normalisation of each frame."""
    return turned(g, g.norm(turned(g, x), channels))


def frames_of(g: Graph, natural: float, pace: str, slower: bool) -> str:
    """Frames of a phoneme, a tensor of one whole number: `natural` times the pace if that is slower, else by it."""
    frames = g.op("Mul" if slower else "Div", g.constant(np.array([natural], np.float32)), pace)
    return g.op("Max", g.op("Cast", g.op("Round", frames), to=7), g.constant([1]))
