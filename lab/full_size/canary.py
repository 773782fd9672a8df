"""Canary 1b v2 as onnx-asr reads it: Parakeet's encoder, longer, and a decoder that says one sentence to any sound."""

from __future__ import annotations

import math

import numpy as np

from .making import Part, text
from .noise import Noise
from .onnx_asr import HEADS, Shape, config, encode, encoded_frames, heads
from .onnx_file import Graph, floats, ints

SHAPE = Shape(width=1024, layers=32, words=16384)
LAYERS = 8  # of the decoder
CONTROL = (
    "▁", "<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>", "<|en|>", "<|de|>", "<|pnc|>", "<|noitn|>",
    "<|notimestamp|>", "<|nodiarize|>", "<|endoftext|>",
)  # fmt: skip
SENTENCE = "one two three four five six seven eight nine ten eleven twelve."
_PROMPT = 10  # tokens before the first word
_MAX_TOKENS = 1024  # tokens
_LOUD = 60  # length of a position, against what attention adds to it
_CERTAIN = 40  # how much more likely, in the exponent, the word is that a position points at


def files(scale: int) -> list[Part]:
    """A folder with `encoder-model.int8.onnx` and `decoder-model.int8.onnx`."""
    shape, noise = SHAPE.smaller(scale), Noise()
    layers = max(LAYERS // scale, 1)
    said = [f"▁{word}" for word in SENTENCE.split()]
    known = [*CONTROL, *said]
    words = [*known, *(f"▁w{number}" for number in range(shape.words - len(known)))]
    encoder = Graph("encoder", noise, int8=True)
    encoder.output("encoder_embeddings", "Identity", encode(encoder, shape))
    # One length: a batch is as long as its longest, whose mask is all ones.
    frames = encoder.op("Shape", "encoder_embeddings")
    size = encoder.op("Slice", frames, encoder.constant([0]), encoder.constant([2]))
    reach = encoder.op("Gather", frames, encoder.constant(1))
    places = encoder.op("Range", encoder.constant(np.int64(0)), reach, encoder.constant(np.int64(1)))
    inside = encoder.op("Less", places, encoder.op("Unsqueeze", encoded_frames(encoder), encoder.constant([1])))
    encoder.output("encoder_mask", "Expand", encoder.op("Cast", inside, to=7), size)
    script = [known.index(word) for word in said]
    return [
        text("vocab.txt", "".join(f"{word} {number}\n" for number, word in enumerate(words))),
        text("config.json", config("nemo-conformer-aed", shape)),
        _decoder(Graph("decoder", noise, int8=True), noise, shape, layers, script),
        encoder.part(
            "encoder-model.int8.onnx",
            [floats("audio_signal", "B", shape.features, "T"), ints("length", "B")],
            [floats("encoder_embeddings", "B", "F", shape.width), ints("encoder_mask", "B", "F")],
        ),
    ]


def _decoder(g: Graph, noise: Noise, shape: Shape, layers: int, script: list[int]) -> Part:
    """Eight layers of attention to the words and to the sound; `decoder_mems` holds the input of each."""
    width = shape.width

    def words() -> np.ndarray:
        return noise.floats("words", (shape.words, width), _CERTAIN / width)

    def positions() -> np.ndarray:
        """For each place the direction of the word that it decides: the sentence, and then the end."""
        rows, end = words(), CONTROL.index("<|endoftext|>")
        drawn = noise.floats("places", (_MAX_TOKENS, width), 0.01)
        for place in range(_PROMPT - 1, _MAX_TOKENS):
            spoken = place - _PROMPT + 1
            row = rows[script[spoken] if spoken < len(script) else end]
            drawn[place] = _LOUD * row / np.linalg.norm(row)
        return drawn

    table = g.made((shape.words, width), words)
    before = g.op("Gather", g.op("Shape", "decoder_mems"), g.constant([2]), axis=0)
    count = g.op("Gather", g.op("Shape", "input_ids"), g.constant([1]), axis=0)
    place = g.op(
        "Slice", g.made((_MAX_TOKENS, width), positions), before, g.op("Add", before, count), g.constant([0])
    )  # fmt: skip
    x = g.op("Add", g.op("Gather", table, "input_ids"), place)
    mask = g.op("Sub", g.op("Cast", "encoder_mask", to=1), g.constant(np.float32(1)))
    mask = g.op("Unsqueeze", g.op("Mul", mask, g.constant(np.float32(1e4))), g.constant([1, 2]))
    states = []
    for layer in range(layers):
        memory = g.op("Gather", "decoder_mems", g.constant(np.int64(layer)), axis=0)
        states.append(g.op("Concat", memory, x, axis=1))
        x = g.op("Add", x, _attention(g, g.norm(x, width), g.norm(states[-1], width), width))
        x = g.op("Add", x, _attention(g, g.norm(x, width), "encoder_embeddings", width, mask))
        inner = g.op("Relu", g.linear(g.norm(x, width), width, 4 * width))
        x = g.op("Add", x, g.linear(inner, 4 * width, width, spread=0.025 / math.sqrt(4 * width)))
    memory = g.op("Gather", "decoder_mems", g.constant(np.int64(layers)), axis=0)
    states.append(g.op("Concat", memory, x, axis=1))
    g.output("decoder_hidden_states", "Concat", *(g.op("Unsqueeze", s, g.constant([0])) for s in states), axis=0)
    rows = g.op("Reshape", g.norm(x, width), g.constant([-1, width]))
    logits = g.op("Gemm", rows, table, transB=1)
    sizes = g.op("Concat", g.op("Shape", "input_ids"), g.constant([shape.words]), axis=0)
    g.output("logits", "Reshape", logits, sizes)
    inputs = [
        ints("input_ids", "B", "N"),
        floats("encoder_embeddings", "B", "F", width),
        ints("encoder_mask", "B", "F"),
        floats("decoder_mems", layers + 1, "B", "M", width),
    ]
    outputs = [floats("logits", "B", "N", shape.words), floats("decoder_hidden_states", layers + 1, "B", "K", width)]
    return g.part("decoder-model.int8.onnx", inputs, outputs)


def _attention(g: Graph, x: str, memory: str, width: int, mask: str = "") -> str:
    each = width // HEADS
    query = heads(g, g.linear(x, width, width), width, [0, 2, 1, 3])
    key = heads(g, g.linear(memory, width, width), width, [0, 2, 3, 1])
    value = heads(g, g.linear(memory, width, width), width, [0, 2, 1, 3])
    scores = g.op("Mul", g.op("MatMul", query, key), g.constant(np.float32(each**-0.5)))
    scores = g.op("Softmax", g.op("Add", scores, mask) if mask else scores, axis=-1)
    heard = g.op("Transpose", g.op("MatMul", scores, value), perm=[0, 2, 1, 3])
    joined = g.op("Reshape", heard, g.constant([0, 0, width]))
    return g.linear(joined, width, width, spread=0.025 / math.sqrt(width))
