"""Small models of the families that sherpa-onnx speaks with: the graphs that its loaders ask for, which hum a tone."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from onnx import TensorProto, helper, save
from support.tiny_voices import constant, floats, ints

RATE = 24_000
SUPERTONIC_RATE = 44_100
_POCKET_FRAME = 1920  # samples of a frame, as in the real decoder
_LATENT, _WIDE = 32, 1024
_LETTERS = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?'"


def pocket(folder: Path, *, voices: tuple[str, ...] = ("bria",)) -> Path:
    """Pocket TTS: five graphs; two frames of 80 ms for each piece of text."""
    folder.mkdir(parents=True, exist_ok=True)
    _graph(
        folder / "encoder.onnx",
        [
            helper.make_node("ReduceMean", ["audio"], ["mean"], keepdims=1, axes=[2]),
            helper.make_node("Expand", ["mean", "shape"], ["embeddings"]),
        ],
        [floats("audio", 1, 1, "T")],
        [floats("embeddings", 1, "F", _WIDE)],
        [constant("shape", np.array([1, 4, _WIDE]))],
    )
    _graph(
        folder / "text_conditioner.onnx",
        [
            helper.make_node("Cast", ["token_ids"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["numbers", "last"], ["deep"]),
            helper.make_node("Mul", ["deep", "wide"], ["embeddings"]),
        ],
        [ints("token_ids", 1, "N")],
        [floats("embeddings", 1, "N", _WIDE)],
        [constant("last", np.array([2])), constant("wide", np.ones((1, 1, _WIDE), np.float32))],
    )
    _graph(folder / "lm_main.int8.onnx", *_language_model())
    _graph(
        folder / "lm_flow.int8.onnx",
        [
            helper.make_node("Slice", ["c", "begin", "end", "axis"], ["part"]),
            helper.make_node("Mul", ["x", "little"], ["less"]),
            helper.make_node("Add", ["less", "part"], ["moved"]),
            helper.make_node("Add", ["s", "t"], ["time"]),
            helper.make_node("Mul", ["time", "nothing"], ["gone"]),
            helper.make_node("Add", ["moved", "gone"], ["flow_dir"]),
        ],
        [floats("c", 1, _WIDE), floats("s", 1, 1), floats("t", 1, 1), floats("x", 1, _LATENT)],
        [floats("flow_dir", 1, _LATENT)],
        [
            constant("begin", np.array([0])), constant("end", np.array([_LATENT])), constant("axis", np.array([1])),
            constant("little", np.array([0.01], np.float32)), constant("nothing", np.array([0], np.float32)),
        ],
    )  # fmt: skip
    time = np.sin(2 * np.pi * 300 * np.arange(_POCKET_FRAME) / RATE).astype(np.float32).reshape(1, 1, -1)
    _graph(
        folder / "decoder.int8.onnx",
        [
            helper.make_node("ReduceMean", ["latent"], ["mean"], keepdims=1, axes=[2]),
            helper.make_node("Mul", ["mean", "nothing"], ["gone"]),
            helper.make_node("Add", ["gone", "wave"], ["frames"]),
            helper.make_node("Reshape", ["frames", "flat"], ["audio"]),
            helper.make_node("Identity", ["state"], ["state_out"]),
        ],
        [floats("latent", 1, "N", _LATENT), floats("state", 1)],
        [floats("audio", 1, 1, "T"), floats("state_out", 1)],
        [
            constant("nothing", np.array([0], np.float32)), constant("wave", time / 2),
            constant("flat", np.array([1, 1, -1])),
        ],
    )  # fmt: skip
    pieces = ["<unk>", "<s>", "</s>", *(f"\N{LOWER ONE EIGHTH BLOCK}{c}" for c in _LETTERS[1:]), *_LETTERS[1:]]
    pieces += ["\N{LOWER ONE EIGHTH BLOCK}", *(f"<0x{number:02X}>" for number in range(256))]
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(pieces)}))
    (folder / "token_scores.json").write_text(json.dumps({piece: -float(n) for n, piece in enumerate(pieces)}))
    (folder / "test_wavs").mkdir(exist_ok=True)
    for number, voice in enumerate(voices):
        wave = 0.3 * np.sin(2 * np.pi * (200 + 50 * number) * np.arange(RATE) / RATE)
        soundfile.write(folder / "test_wavs" / f"{voice}.wav", wave.astype(np.float32), RATE)
    return folder


def _language_model() -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """It counts: as many frames as there were pieces of text and of the voice, then the end."""
    nodes = [
        helper.make_node("Shape", ["sequence"], ["made"], start=1, end=2),
        helper.make_node("Shape", ["text_embeddings"], ["told"], start=1, end=2),
        helper.make_node("Add", ["state_0", "made"], ["out_state_0"]),
        helper.make_node("Add", ["state_1", "told"], ["out_state_1"]),
        helper.make_node("Mul", ["out_state_1", "two"], ["frames"]),
        helper.make_node("Greater", ["out_state_0", "frames"], ["over"]),
        helper.make_node("Cast", ["over"], ["ended"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["ended", "half"], ["sign"]),
        helper.make_node("Mul", ["sign", "ten"], ["logit"]),
        helper.make_node("Reshape", ["logit", "square"], ["eos_logit"]),
        helper.make_node("ConstantOfShape", ["wide"], ["conditioning"]),
    ]
    constants = [
        constant("two", np.array([2])), constant("half", np.array([0.5], np.float32)),
        constant("ten", np.array([20], np.float32)), constant("square", np.array([1, 1])),
        constant("wide", np.array([1, _WIDE])),
    ]  # fmt: skip
    inputs = [floats("sequence", 1, "S", _LATENT), floats("text_embeddings", 1, "T", _WIDE)]
    inputs += [ints("state_0", 1), ints("state_1", 1)]
    outputs = [
        floats("conditioning", 1, _WIDE), floats("eos_logit", 1, 1), ints("out_state_0", 1), ints("out_state_1", 1),
    ]  # fmt: skip
    return nodes, inputs, outputs, constants


def supertonic(folder: Path, *, speakers: int = 2) -> Path:
    """Supertonic: four graphs; 50 ms for each character."""
    folder.mkdir(parents=True, exist_ok=True)
    text = [ints("text_ids", 1, "N")]
    mask, latent_mask = floats("text_mask", 1, 1, "N"), floats("latent_mask", 1, 1, "L")
    style_dp, style_ttl = floats("style_dp", 1, 2, 2), floats("style_ttl", 1, 2, 2)
    _graph(
        folder / "duration_predictor.int8.onnx",
        [
            helper.make_node("ReduceSum", ["text_mask"], ["count"], keepdims=0),
            helper.make_node("Mul", ["count", "each"], ["seconds"]),
            helper.make_node("Reshape", ["seconds", "flat"], ["duration"]),
        ],
        [*text, style_dp, mask],
        [floats("duration", 1)],
        [constant("each", np.array([0.05], np.float32)), constant("flat", np.array([1]))],
    )
    _graph(
        folder / "text_encoder.int8.onnx",
        [helper.make_node("Expand", ["text_mask", "shape"], ["text_emb"])],
        [*text, style_ttl, mask],
        [floats("text_emb", 1, 4, "N")],
        [constant("shape", np.array([1, 4, 1]))],
    )
    latent = floats("noisy_latent", 1, 8, "L")
    _graph(
        folder / "vector_estimator.int8.onnx",
        [helper.make_node("Mul", ["noisy_latent", "latent_mask"], ["denoised_latent"])],
        [
            latent, floats("text_emb", 1, 4, "N"), style_ttl, latent_mask, mask,
            floats("current_step", 1), floats("total_step", 1),
        ],
        [floats("denoised_latent", 1, 8, "L")],
        [],
    )  # fmt: skip
    wave = np.sin(2 * np.pi * 300 * np.arange(512 * 4) / SUPERTONIC_RATE).astype(np.float32).reshape(1, 1, -1)
    _graph(
        folder / "vocoder.int8.onnx",
        [
            helper.make_node("ReduceMean", ["latent"], ["mean"], keepdims=1, axes=[1]),
            helper.make_node("Transpose", ["mean"], ["column"], perm=[0, 2, 1]),
            helper.make_node("Mul", ["column", "nothing"], ["gone"]),
            helper.make_node("Add", ["gone", "wave"], ["frames"]),
            helper.make_node("Reshape", ["frames", "flat"], ["wav_tts"]),
        ],
        [floats("latent", 1, 8, "L")],
        [floats("wav_tts", 1, "T")],
        [
            constant("nothing", np.array([0], np.float32)), constant("wave", wave / 2),
            constant("flat", np.array([1, -1])),
        ],
    )  # fmt: skip
    ae = {"sample_rate": SUPERTONIC_RATE, "base_chunk_size": 512}
    described = {"ae": ae, "ttl": {"chunk_compress_factor": 4, "latent_dim": 2}}
    (folder / "tts.json").write_text(json.dumps(described))
    table = np.full(65_536, -1, np.int32)
    table[32:127] = np.arange(95)
    (folder / "unicode_indexer.bin").write_bytes(table.tobytes())
    style = struct.pack("<6q", speakers, 2, 2, speakers, 2, 2) + np.ones(speakers * 8, np.float32).tobytes()
    (folder / "voice.bin").write_bytes(style)
    return folder


def _graph(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[TensorProto]) -> None:
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
