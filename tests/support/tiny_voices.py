"""Small voices in ONNX that hum a tone for each phoneme, with the inputs, outputs and files of piper's and kokoro's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

FRAMES = 4  # of a phoneme at its natural pace
HOP, PIPER_RATE, KOKORO_RATE = 256, 22_050, 24_000
KOKORO_PHONEME = 1200  # samples of one at its natural pace


def piper(
    folder: Path, name: str, language: str = "en_US", speakers: tuple[str, ...] = (), aligned: bool = True
) -> Path:
    """`NAME.onnx` and `NAME.onnx.json`; with speakers, each hums higher than the last."""
    folder.mkdir(parents=True, exist_ok=True)
    path = piper_graph(folder / f"{name}.onnx", several=bool(speakers), aligned=aligned)
    path.with_name(f"{name}.onnx.json").write_text(json.dumps(_description(language, speakers)))
    return path


def _description(language: str, speakers: tuple[str, ...]) -> dict[str, Any]:
    """The content of a voice's `.onnx.json`."""
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    return {
        "audio": {"sample_rate": PIPER_RATE},
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


def piper_graph(path: Path, *, several: bool = False, aligned: bool = True) -> Path:
    """1024 samples a phoneme id times the length scale; `aligned` says how long each was."""
    inputs = [ints("input", 1, "N"), ints("input_lengths", 1), floats("scales", 3)]
    nodes = [
        helper.make_node("Slice", ["scales", "one", "two"], ["length_scale"]),
        helper.make_node("Mul", ["length_scale", "natural"], ["step"]),
        helper.make_node("Squeeze", ["input", "zero"], ["ids"]),
        *_hum("step"),
        helper.make_node("Unsqueeze", ["hum", "zero_one"], ["output"]),
    ]
    outputs = [floats("output", 1, 1, "T")]
    constants = [constant("natural", np.array([HOP * FRAMES], np.float32)), *_constants()]
    if several:
        inputs.append(ints("sid", 1))
        nodes.insert(0, helper.make_node("Cast", ["sid"], ["voice"], to=TensorProto.FLOAT))
    else:
        constants.append(constant("voice", np.zeros(1, np.float32)))
    if aligned:
        nodes += [
            helper.make_node("Cast", ["input"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["numbers", "nothing"], ["zeros"]),
            helper.make_node("Div", ["step", "hop"], ["frames"]),
            helper.make_node("Add", ["zeros", "frames"], ["durations"]),
        ]
        constants.append(constant("hop", np.array([HOP], np.float32)))
        constants.append(constant("nothing", np.zeros(1, np.float32)))
        outputs.append(floats("durations", 1, "N"))
    _save(helper.make_graph(nodes, "piper", inputs, outputs, constants), path)
    return path


def kokoro(folder: Path, *voices: str, name: str = "kokoro-v1.0", timed: bool = True) -> Path:
    """`NAME.onnx` and `voices-v1.0.bin`: 1200 samples a token at speed 1; each voice hums higher than the last."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Div", ["natural", "speed"], ["step"]),
        helper.make_node("Slice", ["style", "zero", "one", "one"], ["first"]),
        helper.make_node("Reshape", ["first", "one"], ["voice"]),
        helper.make_node("Squeeze", ["tokens", "zero"], ["ids"]),
        *_hum("step"),
        helper.make_node("Identity", ["hum"], ["audio"]),
    ]
    outputs = [floats("audio", "T")]
    constants = [constant("natural", np.array([KOKORO_PHONEME], np.float32)), *_constants()]
    if timed:
        nodes += [
            helper.make_node("Mul", ["ids", "none"], ["zeros"]),
            helper.make_node("Add", ["zeros", "one"], ["duration"]),
        ]
        constants.append(constant("none", np.array([0])))
        outputs.append(ints("duration", "N"))
    inputs = [ints("tokens", 1, "N"), floats("style", 1, 256), floats("speed", 1)]
    path = folder / f"{name}.onnx"
    _save(helper.make_graph(nodes, "kokoro", inputs, outputs, constants), path)
    with open(folder / "voices-v1.0.bin", "wb") as file:
        styles = {voice: np.full((510, 1, 256), number, np.float32) for number, voice in enumerate(voices)}
        np.savez(file, **styles)
    return path


def _hum(step: str) -> list[Any]:
    """`hum`, as `ids` say: `step` samples of each; anything else (ids up to 4: pads, marks, spaces) is silent."""
    return [
        helper.make_node("Size", ["ids"], ["count"]),
        helper.make_node("Cast", ["count"], ["count_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["count_float", step], ["length"]),
        helper.make_node("Squeeze", ["length", "zero"], ["end"]),
        helper.make_node("Range", ["begin", "end", "each"], ["time"]),
        helper.make_node("Div", ["time", step], ["place"]),
        helper.make_node("Floor", ["place"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["ids", "index"], ["sounding"]),
        helper.make_node("Greater", ["sounding", "four"], ["heard"]),
        helper.make_node("Cast", ["heard"], ["loud"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["voice", "lowest"], ["high"]),
        helper.make_node("Mul", ["time", "high"], ["angle"]),
        helper.make_node("Mul", ["angle", "pitch"], ["turn"]),
        helper.make_node("Sin", ["turn"], ["wave"]),
        helper.make_node("Mul", ["wave", "loud"], ["clear"]),
        helper.make_node("Mul", ["clear", "half"], ["hum"]),
    ]


def pitch(samples: np.ndarray, rate: int) -> float:
    """The strongest frequency, Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


def _constants() -> list[TensorProto]:
    return [
        constant("zero", np.array([0])),
        constant("one", np.array([1])),
        constant("two", np.array([2])),
        constant("zero_one", np.array([0, 1])),
        constant("four", np.array(4)),
        constant("begin", np.array(0, np.float32)),
        constant("each", np.array(1, np.float32)),
        constant("lowest", np.array([2], np.float32)),
        constant("pitch", np.array([0.03], np.float32)),
        constant("half", np.array([0.5], np.float32)),
    ]


def _save(graph: Any, path: Path) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [constant for constant in graph.initializer if constant.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def floats(name: str, *shape: int | str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def ints(name: str, *shape: int | str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def constant(name: str, value: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(value, name)
