"""Small models for sherpa-onnx's keyword spotter: each unit is a tone, known by the bin that is loud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, save

from .tiny_voices import constant, floats, ints

RATE = 16_000
_BINS, _FRAMES, _STEP = 80, 45, 32  # of the features: in a frame, seen at a time, moved on at a time
_LOUD = -3.0  # the logarithm of the energy above which a unit is likelier than none
_STATES = {
    "key": (2, "N", 1), "nonlinear": (1, "N", 2, 3), "value": (2, "N", 1), "value_2": (2, "N", 1),
    "convolution": ("N", 4, 1), "convolution_2": ("N", 4, 1), "embedding": ("N", 128, 3, 19),
}  # fmt: skip
ENCODER, DECODER, JOINER = (f"{role}-epoch-1-avg-1.onnx" for role in ("encoder", "decoder", "joiner"))
NOTES: Mapping[str, object] = {
    "model_type": "zipformer2", "encoder_dims": 4, "query_head_dims": 1, "value_head_dims": 1, "num_heads": 1,
    "num_encoder_layers": 1, "cnn_module_kernels": 3, "left_context_len": 2, "T": _FRAMES, "decode_chunk_len": _STEP,
}  # fmt: skip


def transducer(folder: Path, *units: str) -> Path:
    """A model that hears these units: the tones of `tones`, each once while it lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = ["<blk>", "<sos/eos>", "<unk>", *units]
    _encoder(folder / ENCODER, tokens)
    _decoder(folder / DECODER, len(tokens))
    inputs = [floats("encoder_out", "N", len(tokens)), floats("decoder_out", "N", len(tokens))]
    node = helper.make_node("Add", ["encoder_out", "decoder_out"], ["logit"])
    _graph(folder / JOINER, [node], inputs, [floats("logit", "N", len(tokens))], [], {"joiner_dim": len(tokens)})
    (folder / "tokens.txt").write_text("".join(f"{token} {number}\n" for number, token in enumerate(tokens)))
    return folder


def tones(*places: int | float, loud: float = 0.3) -> bytes:
    """0.2 s of the tone of each unit, by its place among them, and silence where a part is a number of seconds; s16le,
    mono, 16 kHz."""
    pieces = [
        np.zeros(round(place * RATE))
        if isinstance(place, float)
        else loud * np.sin(2 * np.pi * _hertz(place) * np.arange(RATE // 5) / RATE)
        for place in places
    ]
    return bytes((np.concatenate(pieces) * 32767).astype("<i2").tobytes())


def _bin(place: int) -> int:
    return 12 + 8 * place


def _hertz(place: int) -> float:
    """The middle of the bin, of 80 that are even in mel from 20 Hz to 7600."""
    low, high = (1127 * np.log(1 + hertz / 700) for hertz in (20, 7600))
    return float(700 * (np.exp((low + (high - low) / (_BINS + 1) * (_bin(place) + 1)) / 1127) - 1))


def _encoder(path: Path, tokens: list[str]) -> None:
    """The mean of each bin over 40 ms, less the level from which it is loud; its states pass through."""
    loudness, bias = np.zeros((_BINS, len(tokens)), np.float32), np.full(len(tokens), -100, np.float32)
    bias[0] = 0
    for number in range(3, len(tokens)):
        loudness[_bin(number - 3), number], bias[number] = 1, -_LOUD
    nodes = [
        helper.make_node("Slice", ["x", "begin", "end", "axis"], ["seen"]),
        helper.make_node("Reshape", ["seen", "fours"], ["grouped"]),
        helper.make_node("ReduceMean", ["grouped"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["mean", "loudness"], ["level"]),
        helper.make_node("Add", ["level", "bias"], ["encoder_out"]),
        *(helper.make_node("Identity", [name], [f"new_{name}"]) for name in (*_STATES, "length")),
    ]
    constants = [
        constant("begin", np.array([0])), constant("end", np.array([_STEP])), constant("axis", np.array([1])),
        constant("fours", np.array([0, _STEP // 4, 4, _BINS])), constant("loudness", loudness), constant("bias", bias),
    ]  # fmt: skip
    inputs = [floats("x", "N", _FRAMES, _BINS), *(floats(name, *shape) for name, shape in _STATES.items())]
    outputs = [floats("encoder_out", "N", _STEP // 4, len(tokens))]
    outputs += [floats(f"new_{name}", *shape) for name, shape in _STATES.items()]
    _graph(path, nodes, [*inputs, ints("length", "N")], [*outputs, ints("new_length", "N")], constants, NOTES)


def _decoder(path: Path, count: int) -> None:
    """Makes the unit before unlikely, so that a tone is one unit however long it lasts."""
    nodes = [
        helper.make_node("Slice", ["y", "begin", "end", "axis"], ["last"]),
        helper.make_node("Equal", ["last", "every"], ["same"]),
        helper.make_node("Cast", ["same"], ["once"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["once", "weight"], ["decoder_out"]),
    ]
    weight = np.where(np.arange(count) == 0, 0, -100).astype(np.float32)
    constants = [
        constant("begin", np.array([1])), constant("end", np.array([2])), constant("axis", np.array([1])),
        constant("every", np.arange(count)[None]), constant("weight", weight[None]),
    ]  # fmt: skip
    notes = {"vocab_size": count, "context_size": 2}
    _graph(path, nodes, [ints("y", "N", 2)], [floats("decoder_out", "N", count)], constants, notes)


def _graph(
    path: Path,
    nodes: list[Any],
    inputs: list[Any],
    outputs: list[Any],
    constants: list[TensorProto],
    notes: Mapping[str, object],
) -> None:
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {key: str(value) for key, value in notes.items()})
    save(model, path)
