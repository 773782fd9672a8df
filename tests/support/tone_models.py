"""Small speech models in ONNX that hear whistled words: a pitch a token. They are made here, weights and all.

Their inputs, outputs and files are those of NeMo's and Whisper's exports, so everything in front of the weights and
behind them is the real thing.
"""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

RATE = 16_000
STEP = 1280  # samples of an output frame of these models: 80 ms
PITCHES = {"▁ever": 400, "▁tried": 800, "▁fail": 1600, "ed": 3200, ".": 6000}  # Hz
BLANK = len(PITCHES)
_LOUD = 0.75  # of a feature's spread above its mean: a pitch that is there


def whistle(*tokens: str, gap: int = 2) -> np.ndarray:
    """`tokens`, each whistled for three output frames and followed by `gap` of silence; half a second of it first."""
    hush = [np.zeros(6 * STEP, np.float32)]
    time = np.arange(3 * STEP) / RATE
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.02)
    for token in tokens:
        hush += [0.3 * fade * np.sin(2 * np.pi * PITCHES[token] * time), np.zeros(gap * STEP)]
    return np.concatenate([*hush, np.zeros(6 * STEP)]).astype(np.float32)


def ctc(folder: Path, suffix: str = "", config: dict[str, object] | None = None) -> Path:
    """A model of type `nemo-conformer-ctc`; `suffix` is `.int8` for the name of a quantized one."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["audio_signal", "weights", "bias"], ["scores"], strides=[8], pads=[0, 7]),
            helper.make_node("Transpose", ["scores"], ["logprobs"], perm=[0, 2, 1]),
        ],
        "ctc",
        [_floats("audio_signal", "B", 80, "T"), _ints("length", "B")],
        [_floats("logprobs", "B", "F", BLANK + 1)],
        _hearing(),
    )
    _save(graph, folder / f"model{suffix}.onnx")
    _vocabulary(folder)
    _write(folder / "config.json", {"model_type": "nemo-conformer-ctc"} | (config or {}))
    return folder


def tdt(folder: Path) -> Path:
    """A model of type `nemo-conformer-tdt`, Parakeet's: after a token it goes on four frames later."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = helper.make_graph(
        [
            helper.make_node("Conv", ["audio_signal", "weights", "bias"], ["outputs"], strides=[8], pads=[0, 7]),
            helper.make_node("Add", ["length", "seven"], ["padded"]),
            helper.make_node("Div", ["padded", "eight"], ["encoded_lengths"]),
        ],
        "encoder",
        [_floats("audio_signal", "B", 80, "T"), _ints("length", "B")],
        [_floats("outputs", "B", BLANK + 1, "F"), _ints("encoded_lengths", "B")],
        [*_hearing(), _constant("seven", np.array([7])), _constant("eight", np.array([8]))],
    )
    _save(encoder, folder / "encoder-model.onnx")
    states = ("input_states_1", "input_states_2"), ("output_states_1", "output_states_2")
    joint = helper.make_graph(
        [
            helper.make_node("Transpose", ["encoder_outputs"], ["scores"], perm=[0, 2, 1]),
            helper.make_node("Slice", ["scores", "zero", "blank", "axis"], ["tokens"]),
            helper.make_node("ReduceMax", ["tokens", "axis"], ["token"]),
            helper.make_node("Slice", ["scores", "blank", "end", "axis"], ["none"]),
            # Durations 0 to 4: one frame for a blank, four for a token.
            helper.make_node("Concat", ["scores", "never", "none", "never", "never", "token"], ["joint"], axis=2),
            helper.make_node("Unsqueeze", ["joint", "zero"], ["outputs"]),
            *(helper.make_node("Identity", [a], [b]) for a, b in zip(*states, strict=True)),
        ],
        "joint",
        [
            _floats("encoder_outputs", 1, BLANK + 1, 1),
            helper.make_tensor_value_info("targets", TensorProto.INT32, [1, 1]),
            helper.make_tensor_value_info("target_length", TensorProto.INT32, [1]),
            *(_floats(name, 1, 1, 4) for name in states[0]),
        ],
        [_floats("outputs", 1, 1, 1, BLANK + 6), *(_floats(name, 1, 1, 4) for name in states[1])],
        [
            _constant("zero", np.array([0])),
            _constant("blank", np.array([BLANK])),
            _constant("end", np.array([BLANK + 1])),
            _constant("axis", np.array([2])),
            _constant("never", np.full((1, 1, 1), -9, np.float32)),
        ],
    )
    _save(joint, folder / "decoder_joint-model.onnx")
    _vocabulary(folder)
    _write(folder / "config.json", {"model_type": "nemo-conformer-tdt"})
    return folder


CANARY_TOKENS = (
    "▁",
    "<|startofcontext|>",
    "<|startoftranscript|>",
    "<|emo:undefined|>",
    "<|en|>",
    "<|de|>",
    "<|pnc|>",
    "<|noitn|>",
    "<|notimestamp|>",
    "<|nodiarize|>",
    "<|endoftext|>",
    "▁ever",
    "▁tried",
    "▁je",
    "▁versucht",
)


def canary(folder: Path) -> Path:
    """A model of type `nemo-conformer-aed`: it says what it knows in the language it is asked to write."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = helper.make_graph(
        [
            helper.make_node("Transpose", ["audio_signal"], ["encoder_embeddings"], perm=[0, 2, 1]),
            helper.make_node("Unsqueeze", ["length", "one"], ["encoder_mask"]),
        ],
        "encoder",
        [_floats("audio_signal", "B", 80, "T"), _ints("length", "B")],
        [_floats("encoder_embeddings", "B", "T", 80), _ints("encoder_mask", "B", 1)],
        [_constant("one", np.array([1]))],
    )
    _save(encoder, folder / "encoder-model.onnx")
    say = {name: CANARY_TOKENS.index(name) for name in CANARY_TOKENS}
    english, german, end = say["<|en|>"], say["<|de|>"], say["<|endoftext|>"]
    lines = np.zeros((len(say), 3), np.int64)
    lines[english], lines[german] = (say["▁ever"], say["▁tried"], end), (say["▁je"], say["▁versucht"], end)
    decoder = helper.make_graph(
        [
            # The memory begins with the target language, the sixth word of the prompt, and grows by a word a step.
            helper.make_node("Slice", ["input_ids", "from", "to", "one"], ["target"]),
            helper.make_node("Slice", ["input_ids", "minus_one", "far", "one"], ["latest"]),
            helper.make_node("Concat", ["target", "latest"], ["new"], axis=1),
            helper.make_node("Cast", ["new"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["numbers", "outer"], ["memory"]),
            helper.make_node("Concat", ["decoder_mems", "memory"], ["decoder_hidden_states"], axis=2),
            helper.make_node("Squeeze", ["decoder_hidden_states"], ["said"]),
            helper.make_node("Gather", ["said", "zero"], ["language"]),
            helper.make_node("Cast", ["language"], ["row"], to=TensorProto.INT64),
            helper.make_node("Gather", ["lines", "row"], ["line"]),
            helper.make_node("Shape", ["said"], ["length"]),
            helper.make_node("Sub", ["length", "two"], ["place"]),
            helper.make_node("Gather", ["line", "place"], ["word"]),
            helper.make_node("OneHot", ["word", "depth", "values"], ["scores"]),
            helper.make_node("Unsqueeze", ["scores", "zeros"], ["logits"]),
        ],
        "decoder",
        [
            _ints("input_ids", "B", "N"),
            _floats("encoder_embeddings", "B", "T", 80),
            _ints("encoder_mask", "B", 1),
            _floats("decoder_mems", 1, "B", "M", 1),
        ],
        [_floats("logits", "B", 1, len(say)), _floats("decoder_hidden_states", 1, "B", "M2", 1)],
        [
            _constant("from", np.array([-5])),
            _constant("to", np.array([-4])),
            _constant("minus_one", np.array([-1])),
            _constant("far", np.array([99])),
            _constant("one", np.array([1])),
            _constant("zero", np.array(0)),
            _constant("zeros", np.array([0])),
            _constant("two", np.array([2])),
            _constant("outer", np.array([0, 3])),
            _constant("lines", lines),
            _constant("depth", np.array(len(say))),
            _constant("values", np.array([0, 1], np.float32)),
        ],
    )
    _save(decoder, folder / "decoder-model.onnx")
    (folder / "vocab.txt").write_text("".join(f"{token} {number}\n" for token, number in say.items()))
    _write(folder / "config.json", {"model_type": "nemo-conformer-aed", "languages": ["en", "de"]})
    return folder


def whisper(folder: Path) -> Path:
    """A model of type `whisper-ort`: it takes whistles below 1600 Hz for German, and says what it heard."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {"je": 0, "Ġever": 1}
    added = {f"<|{name}|>": 2 + n for n, name in enumerate(
        ("startoftranscript", "endoftext", "transcribe", "notimestamps", "de", "en")
    )}  # fmt: skip
    lines = np.array(
        [[added["<|de|>"], vocabulary["je"], added["<|endoftext|>"]],
         [added["<|en|>"], vocabulary["Ġever"], added["<|endoftext|>"]]], np.int32,
    )  # fmt: skip
    low, high = _bin("whisper80", PITCHES["▁ever"]), _bin("whisper80", PITCHES["ed"])
    scalars = ("max_length", "min_length", "num_beams", "num_return_sequences")
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["input_features", "time"], ["peaks"], keepdims=0),
            helper.make_node("Gather", ["peaks", "bins"], ["two"], axis=1),
            helper.make_node("ArgMax", ["two"], ["heard"], axis=1, keepdims=0),
            helper.make_node("Gather", ["lines", "heard"], ["line"]),
            helper.make_node("Concat", ["decoder_input_ids", "line"], ["flat"], axis=1),
            helper.make_node("Unsqueeze", ["flat", "one"], ["sequences"]),
        ],
        "whisper",
        [
            _floats("input_features", "B", 80, 3000),
            *(helper.make_tensor_value_info(name, TensorProto.INT32, [1]) for name in scalars),
            _floats("length_penalty", 1),
            _floats("repetition_penalty", 1),
            helper.make_tensor_value_info("decoder_input_ids", TensorProto.INT32, ["B", "N"]),
        ],
        [helper.make_tensor_value_info("sequences", TensorProto.INT32, ["B", 1, "M"])],
        [
            _constant("time", np.array([2])),
            _constant("bins", np.array([low, high])),
            _constant("lines", lines),
            _constant("one", np.array([1])),
        ],
    )
    _save(graph, folder / "whisper-small_beamsearch.onnx")
    _write(folder / "vocab.json", vocabulary)
    _write(folder / "added_tokens.json", added)
    _write(folder / "config.json", {"model_type": "whisper-ort"})
    return folder


def _bin(filters: str, pitch: int) -> int:
    """The mel band that a pitch is loudest in."""
    preprocessors = pytest.importorskip(
        "onnx_asr.preprocessors", reason="onnx_asr is not installed: scripts/setup --engines all"
    )
    with (
        as_file(files(preprocessors) / "data" / "fbanks.npz") as path,
        np.load(path) as banks,
    ):
        bank = banks[filters]  # (bins of the spectrum, bands)
    nyquist = RATE / 2
    return int(np.argmax(bank[round(pitch / nyquist * (len(bank) - 1))]))


def _hearing() -> list[TensorProto]:
    """Weights of a convolution over eight frames: a token scores as loud as its band is, a blank the same always."""
    weights = np.zeros((BLANK + 1, 80, 8), np.float32)
    for token, pitch in enumerate(PITCHES.values()):
        weights[token, _bin("nemo80", pitch)] = 1 / 8
    bias = np.zeros(BLANK + 1, np.float32)
    bias[BLANK] = _LOUD
    return [_constant("weights", weights), _constant("bias", bias)]


def _vocabulary(folder: Path) -> None:
    tokens = [*PITCHES, "<blk>"]
    (folder / "vocab.txt").write_text("".join(f"{token} {number}\n" for number, token in enumerate(tokens)))


def _floats(name: str, *shape: int | str) -> object:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def _ints(name: str, *shape: int | str) -> object:
    return helper.make_tensor_value_info(name, TensorProto.INT64, list(shape))


def _constant(name: str, array: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(array, name)


def _save(graph: object, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    save(model, path)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False))
