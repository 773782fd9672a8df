"""`python -m hushd_worker_models.int8 KIND SOURCE TARGET`: makes a model's weights smaller, in a process of its own,
since only a process's end gives back all its memory. TARGET appears whole.

The kinds are those of `EngineSpec.int8`: `onnx` for a graph, `ctranslate2` for a `model.bin`; `openai` makes a folder
for CTranslate2 of a checkpoint of Whisper, in the checkpoint's precision.
"""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hushd_models.installation import package_command
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, reason
from hushd_worker.precision import answer

MAX_SHARE = 0.9  # share of the original's size: what stays larger has hardly any matrices
_MATRICES = ["MatMul", "Gemm", "LSTM", "Attention"]  # int8 convolutions are slower than float ones on processors
_PACKAGES = {"onnx": ["onnx"], "ctranslate2": ["ctranslate2"], "openai": ["ctranslate2", "torch", "openai-whisper"]}
_TYPES = ("f4", "i1", "i2", "i4", "f2")  # types of CTranslate2's file, by number


def make(kind: str, source: str, target: str) -> JsonObject:
    """Raises `HushdError`: `engine_missing`, `input_unreadable`, `bad_request` if it saves nothing."""
    original, made = Path(source), Path(target)
    work = made.with_name(f".{made.name}.work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        smaller = {"onnx": _graph, "ctranslate2": _whisper, "openai": _checkpoint}[kind](original, work)
    except HushdError:
        raise
    except ImportError as error:
        how = package_command(*_PACKAGES[kind])
        raise HushdError("engine_missing", f"That takes more packages ({reason(error)}): {how}.") from error
    except Exception as error:  # protobuf, numpy and the runtime may raise anything for damaged weights
        raise HushdError("input_unreadable", f"{source} cannot be converted ({reason(error)[:200]}).") from error
    before, after = sum(path.stat().st_size for path in _parts(original)), smaller.stat().st_size
    if smaller.is_file() and after > MAX_SHARE * before:
        sizes = f"{after / 1e6:.1f} of {before / 1e6:.1f} MB"
        raise HushdError("bad_request", f"int8 would make {sizes}: {original.name} has few matrices.")
    smaller.replace(made)
    shutil.rmtree(work)
    return {}


def _checkpoint(source: Path, work: Path) -> Path:
    """Makes a folder for CTranslate2, as faster-whisper loads it, of OpenAI's file or Hugging Face's folder."""
    made = work / "whole"
    if source.is_dir():
        from ctranslate2.converters import TransformersConverter  # noqa: PLC0415 - torch and transformers

        extra = [file for file in ("tokenizer.json", "preprocessor_config.json") if (source / file).is_file()]
        TransformersConverter(str(source), copy_files=extra).convert(str(made), quantization="float16")
    else:
        from .checkpoint import convert  # noqa: PLC0415 - torch and whisper

        convert(source, made)
    return made


def _graph(source: Path, work: Path) -> Path:
    """Quantizes a graph's matrices by ONNX Runtime."""
    from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic  # noqa: PLC0415 - needs onnx

    (work / "source").mkdir()
    parts = _parts(source)
    for path in parts:  # onnx reads no weights through a link, which all files of the hub's cache are
        shutil.copyfile(path, work / "source" / path.name)
    # Weights that the graph itself transposes or widens become plain ones.
    apart = {"save_as_external_data": len(parts) > 1, "all_tensors_to_one_file": True}
    quant_pre_process(work / "source" / source.name, work / "plain.onnx", skip_symbolic_shape=True, **apart)
    quantize_dynamic(
        work / "plain.onnx",
        work / source.name,
        op_types_to_quantize=_MATRICES,
        per_channel=True,
        weight_type=QuantType.QInt8,
        # The sum of two products of bytes may overflow its 16 bits on processors without VNNI; with weights of 7 bits
        # it cannot.
        reduce_range=platform.machine() == "x86_64",
        extra_options={"MatMulConstBOnly": True},
    )
    return work / source.name


def _parts(graph: Path) -> list[Path]:
    """Returns a file and those of weights beside it."""
    return [path for path in graph.parent.glob(f"{graph.name}*") if path.suffix != ".json"]


def _whisper(source: Path, work: Path) -> Path:
    """Quantizes a model of Whisper in CTranslate2's form, as that does with a checkpoint that it converts."""
    sys.modules["torch"] = None  # type: ignore[assignment]  # which the package would import, and not need here
    from ctranslate2.specs import model_spec, whisper_spec  # noqa: PLC0415 - see above

    weights = _weights(source)
    if any(array.dtype == "i1" and array.ndim > 1 for array in weights.values()):
        raise HushdError("bad_request", f"The weights in {source} are int8 already.")
    shape: list[int] = []
    for half in ("encoder", "decoder"):
        layers = {name.split("/")[1] for name in weights if name.startswith(f"{half}/layer_")} - {"layer_norm"}
        shape += [len(layers), int(weights[f"{half}/num_heads"])]
    spec = whisper_spec.WhisperSpec(*shape)
    for name, array in weights.items():
        scope, _, key = name.rpartition("/")
        setattr(model_spec.index_spec(spec, scope), key, array)
    model_spec.LayerSpec.validate(spec)  # validates it without its tokens, which stay in the files beside it
    spec.optimize(quantization="int8")
    model_spec.ModelSpec.save(spec, str(work))
    return work / source.name


def _weights(source: Path) -> dict[str, Any]:
    """Returns the arrays in a `model.bin` by name."""
    with open(source, "rb") as file:

        def number(kind: str) -> int:
            return int(np.fromfile(file, kind, 1)[0])

        def text() -> str:
            return file.read(number("<u2"))[:-1].decode()

        number("<u4"), text(), number("<u4")  # the form's version, the model's kind and its revision
        weights: dict[str, Any] = {}
        for _ in range(number("<u4")):
            name, shape = text(), [number("<u4") for _ in range(number("u1"))]
            kind = np.dtype(_TYPES[number("u1")])
            weights[name] = np.fromfile(file, kind, number("<u4") // kind.itemsize).reshape(shape)
        for _ in range(number("<u4")):
            alias = text()
            weights[alias] = weights[text()]
    return weights


if __name__ == "__main__":
    answer(make)
