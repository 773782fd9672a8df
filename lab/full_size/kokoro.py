"""kokoro v1.0: StyleTTS 2 with 82 million weights, and its voices. Every phoneme takes as long; the sound is noise.

Shapes are those of the published config.json: ALBERT, whose twelve layers are one, a text encoder, the predictor of
prosody, and a decoder that ends in an inverse Fourier transform.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .making import Part
from .noise import Noise
from .onnx_file import Graph, floats, ints
from .voices import QUIET, channel_norm, conv1d, frames_of, leaky, repeated, turned, widened

RATE, FRAME = 24_000, 600  # samples of a frame
_TOKENS, _MAX_TOKENS = 178, 512
_BERT, _BERT_HEADS, _BERT_INNER, _BERT_EMBEDDED, _BERT_LAYERS = 768, 12, 2048, 128, 12
_WIDTH, _STYLE, _DECODER = 512, 128, 1024
_FRAMES = 3.0  # of a phoneme at its natural pace
_BINS = 11  # of the spectrum, with a window of 20 samples every 5
_ROWS = 510  # styles of a voice, by the number of phonemes


def files(scale: int) -> list[Part]:
    """`voices-v1.0.bin` and `kokoro-v1.0.onnx`. Tests take narrower layers of the vocoder, and fewer."""
    from hushd_models import catalogue

    names = [voice.name for voice in catalogue.voices("kokoro")]
    noise = Noise()
    g = Graph("kokoro", noise)
    prosody, timbre = (
        g.op("Slice", "style", g.constant([begin]), g.constant([begin + _STYLE]), g.constant([1]))
        for begin in (_STYLE, 0)
    )
    meaning = turned(g, g.linear(_bert(g), _BERT, _WIDTH))
    times = frames_of(g, _FRAMES, "speed", slower=False)
    pitch, energy = _prosody(g, meaning, prosody, times, max(3 // scale, 1))
    spoken = repeated(g, _text(g, max(3 // scale, 1)), _WIDTH, times)
    g.output("audio", "Reshape", _decoder(g, spoken, pitch, energy, timbre, scale), g.constant([-1]))
    ids = g.op("Squeeze", "tokens", g.constant([0]))
    g.output("duration", "Add", g.op("Mul", ids, g.constant([0])), times)
    inputs = [ints("tokens", 1, "N"), floats("style", 1, 2 * _STYLE), floats("speed", 1)]
    return [
        Part(
            "voices-v1.0.bin",
            _ROWS * 2 * _STYLE * 4 * len(names),
            lambda path: _voices(path, noise, names),
        ),
        g.part("kokoro-v1.0.onnx", inputs, [floats("audio", "T"), ints("duration", "N")]),
    ]


def _voices(path: Path, noise: Noise, names: list[str]) -> None:
    styles = {name: noise.floats(name, (_ROWS, 1, 2 * _STYLE), 0.3) for name in names}
    with open(path, "wb") as file:
        np.savez(file, **styles)


def _bert(g: Graph) -> str:
    """ALBERT: (1, phonemes, 768); its layer is one, gone through twelve times."""
    length = g.op("Gather", g.op("Shape", "tokens"), g.constant([1]), axis=0)
    x = g.op("Gather", g.weights((_TOKENS, _BERT_EMBEDDED), 1.0), "tokens")
    x = g.op("Add", x, g.op("Slice", g.weights((_MAX_TOKENS, _BERT_EMBEDDED), 0.1), g.constant([0]), length))
    x = g.linear(g.norm(x, _BERT_EMBEDDED), _BERT_EMBEDDED, _BERT)
    matrices = [g.weights((_BERT, _BERT), 0.02) for _ in range(4)]
    into, out = g.weights((_BERT, _BERT_INNER), 0.02), g.weights((_BERT_INNER, _BERT), 0.02)
    each = _BERT // _BERT_HEADS
    sizes, scale = g.constant([0, 0, _BERT_HEADS, each]), g.constant(np.float32(each**-0.5))
    for _ in range(_BERT_LAYERS):
        query, key, value = (
            g.op("Transpose", g.op("Reshape", g.op("MatMul", x, matrix), sizes), perm=perm)
            for matrix, perm in zip(matrices, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=False)
        )
        scores = g.op("Softmax", g.op("Mul", g.op("MatMul", query, key), scale), axis=-1)
        heard = g.op("Transpose", g.op("MatMul", scores, value), perm=[0, 2, 1, 3])
        heard = g.op("MatMul", g.op("Reshape", heard, g.constant([0, 0, _BERT])), matrices[3])
        x = g.norm(g.op("Add", x, heard), _BERT)
        x = g.norm(g.op("Add", x, g.op("MatMul", g.swish(g.op("MatMul", x, into)), out)), _BERT)
    return x


def _text(g: Graph, layers: int) -> str:
    x = turned(g, g.op("Gather", g.weights((_TOKENS, _WIDTH), 1.0), "tokens"))
    for _ in range(layers):
        x = leaky(g, channel_norm(g, conv1d(g, x, _WIDTH, _WIDTH, 5), _WIDTH))
    return _both_ways(g, x, _WIDTH)


def _both_ways(g: Graph, x: str, ins: int) -> str:
    """A bidirectional LSTM with 512 outputs."""
    units = _WIDTH // 2
    y, _, _ = g.ops(
        "LSTM", 3, g.op("Transpose", x, perm=[2, 0, 1]), g.weights((2, 4 * units, ins), 0.05),
        g.weights((2, 4 * units, units), 0.05), g.weights((2, 8 * units), 0.01),
        hidden_size=units, direction="bidirectional",
    )  # fmt: skip
    return g.op("Reshape", g.op("Transpose", y, perm=[2, 1, 3, 0]), g.constant([1, _WIDTH, -1]))


def _with_style(g: Graph, x: str, style: str) -> str:
    """`x` with the style beside each frame."""
    frames = g.op("Gather", g.op("Shape", x), g.constant([2]), axis=0)
    beside = g.op(
        "Expand", g.op("Unsqueeze", style, g.constant([2])), g.op("Concat", g.constant([1, _STYLE]), frames, axis=0)
    )
    return g.op("Concat", x, beside, axis=1)


def _prosody(g: Graph, x: str, style: str, times: str, layers: int) -> tuple[str, str]:
    """Pitch and energy, (1, 1, two for each frame)."""
    for _ in range(layers):
        x = _both_ways(g, _with_style(g, x, style), _WIDTH + _STYLE)
        x = _styled(g, channel_norm(g, x, _WIDTH), style, _WIDTH)
    steady = _both_ways(g, _with_style(g, x, style), _WIDTH + _STYLE)
    lengths = g.linear(turned(g, steady), _WIDTH, 50)
    x = g.op("Add", x, g.op("Mul", g.op("ReduceMean", lengths), g.constant(np.float32(1e-6))))
    shared = _both_ways(g, _with_style(g, repeated(g, x, _WIDTH, times), style), _WIDTH + _STYLE)
    curves = []
    for _ in range(2):
        y = _block(g, shared, style, _WIDTH, _WIDTH)
        y = _block(g, y, style, _WIDTH, _WIDTH // 2, doubled=True)
        y = _block(g, y, style, _WIDTH // 2, _WIDTH // 2)
        curves.append(conv1d(g, y, _WIDTH // 2, 1))
    return curves[0], curves[1]


def _styled(g: Graph, x: str, style: str, channels: int) -> str:
    """`x` scaled and moved as a layer makes it of the style."""
    factors = g.op("Unsqueeze", g.linear(style, _STYLE, 2 * channels), g.constant([2]))
    scale, move = g.ops("Split", 2, factors, axis=1, num_outputs=2)
    return g.op("Add", g.op("Mul", x, g.op("Add", scale, g.constant(np.float32(1)))), move)


def _normed(g: Graph, x: str, style: str, channels: int) -> str:
    ones, zeros = g.constant(np.ones(channels, np.float32)), g.constant(np.zeros(channels, np.float32))
    return _styled(g, g.op("InstanceNormalization", x, ones, zeros), style, channels)


def _block(g: Graph, x: str, style: str, ins: int, outs: int, doubled: bool = False) -> str:
    """A residual block whose norms follow the style; `doubled` makes two frames of one."""
    y = leaky(g, _normed(g, x, style, ins))
    if doubled:
        x, y = (repeated(g, one, ins, g.constant([2])) for one in (x, y))
    y = conv1d(g, leaky(g, _normed(g, conv1d(g, y, ins, outs, 3), style, outs)), outs, outs, 3)
    return g.op("Add", y, x if ins == outs else conv1d(g, x, ins, outs))


def _decoder(g: Graph, x: str, pitch: str, energy: str, style: str, scale: int) -> str:
    wide = max(_DECODER // scale, 64)
    curves = [
        g.conv(curve, 1, 1, (3,), strides=[2], pads=[1, 1]) for curve in (pitch, energy)
    ]  # back to one for each frame
    beside = conv1d(g, x, _WIDTH, 64)
    x = _block(g, g.op("Concat", x, *curves, axis=1), style, _WIDTH + 2, wide)
    for number in range(4):
        last = number == 3
        x = g.op("Concat", x, beside, *curves, axis=1)
        x = _block(g, x, style, wide + 66, _WIDTH if last else wide, doubled=last)
    return _generator(g, x, pitch, style, scale)


def _generator(g: Graph, x: str, pitch: str, style: str, scale: int) -> str:
    """iSTFTNet: 60 columns of a spectrum from each half frame, and the sound that they are."""
    wave = g.op("Sin", repeated(g, pitch, 1, g.constant([FRAME // 2])))
    source = g.conv(wave, 1, 2 * _BINS, (20,), strides=[5], pads=[7, 8])
    channels = _WIDTH
    for times, kernel, narrow in ((10, 20, (12, 6, 7)), (6, 12, (1, 1, 11))):
        outs = channels // 2
        size, stride, width = narrow
        side = size - stride
        noise = g.conv(source, 2 * _BINS, outs, (size,), strides=[stride], pads=[side // 2, side - side // 2])
        x = g.op("Add", widened(g, leaky(g, x), channels, outs, kernel, times), _snakes(g, noise, style, outs, width))
        kernels = (3, 7, 11) if scale == 1 else (3,)
        sums = [_snakes(g, x, style, outs, size) for size in kernels]
        x = g.op("Mul", g.op("Sum", *sums), g.constant(np.float32(1 / len(sums))))
        channels = outs
    x = conv1d(g, leaky(g, x), channels, 2 * _BINS, 7, gain=QUIET)
    size, phase = g.ops("Split", 2, x, axis=1, num_outputs=2)
    spectrum = g.op("Concat", g.op("Tanh", size), g.op("Sin", phase), axis=1)
    return g.op("Tanh", widened(g, spectrum, 2 * _BINS, 1, 20, 5))


def _snakes(g: Graph, x: str, style: str, channels: int, kernel: int) -> str:
    """Three pairs of convolutions behind x + sin(x)^2."""
    for dilation in (1, 3, 5):
        y = x
        for step in (dilation, 1):
            y = _normed(g, y, style, channels)
            wave = g.op("Sin", y)
            y = conv1d(g, g.op("Add", y, g.op("Mul", wave, wave)), channels, channels, kernel, step)
        x = g.op("Add", x, y)
    return x
