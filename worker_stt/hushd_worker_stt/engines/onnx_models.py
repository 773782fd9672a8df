"""Finds the models of `onnx-asr`, well-known and on this machine: their places and languages."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hushd_models import catalogue, weights
from hushd_protocol.names import is_name
from hushd_schema.engines.model_files import content

from hushd_worker_stt.engine import Model

_UNDETERMINED = "und"  # ISO 639's code for an undetermined language

# The package knows these by their repositories' names, the others by hushd's names.
_BY_REPOSITORY = {
    "canary-1b-flash", "canary-180m-flash", "vosk-model-ru", "vosk-model-small-ru", "t-one", "whisper-large-v3-turbo",
}  # fmt: skip
KNOWN = {known.name: known for known in catalogue.of("onnx-asr")}
_TRANSLATING = "nemo-conformer-aed"  # Canary's, the package's only architecture that translates
_UNTIMED = "nemo-aed", _TRANSLATING, "whisper"  # beginnings of layouts and types whose decoders give no times
LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")  # a token of Whisper's


def source(model: str) -> str | None:
    """Returns the package's name for `model`, which determines its type; None if its config.json does."""
    if (known := KNOWN.get(model)) is None:
        return None
    return known.repository if model in _BY_REPOSITORY else model


def find(model: str) -> Path | None:
    """Returns the folder of `model`; None if there is none. The load reports what an incomplete one lacks."""
    if not is_name(model):
        return None
    name, known = f"onnx-asr/{model}", KNOWN.get(model)
    own = weights.folder("onnx-asr") / model
    if own.is_dir() and _weights(own, known.files[0].needed[0].replace("?int8", "*") if known else "*.onnx"):
        return own
    return next((folder for folder, _ in weights.kept(name)), None)


def here() -> list[Model]:
    """Describes the models outside the catalogue that are on this machine."""
    folders = ((name, find(name)) for name in weights.names("onnx-asr") if name not in KNOWN)
    return [replace(described(folder), name=name) for name, folder in folders if folder and folder.is_dir()]


def _weights(folder: Path, pattern: str = "*.onnx") -> list[Path]:
    """Returns the graphs in `folder` and one folder deeper, in ONNX or the runtime's own format."""
    patterns = [pattern] if "/" in pattern else [pattern, f"*/{pattern}"]
    patterns += [p.replace(".onnx", ".ort") for p in patterns]
    return [file for p in patterns for file in folder.glob(p) if file.is_file()]


def files_to_load(folder: Path, int8: bool) -> list[Path]:
    """Returns the graphs in `folder` with their weights: the quantized ones if `int8` and there are any, or else the
    others."""
    graphs = _weights(folder)
    quantized = [file for file in graphs if "int8" in file.name]
    chosen = (quantized or graphs) if int8 else [file for file in graphs if file not in quantized]
    return [file for graph in chosen for file in graph.parent.glob(f"{graph.stem}.onnx*")]


def described(folder: Path) -> Model:
    """Describes a model of the user's own. Its languages are `languages` in its config.json, or else those of Whisper's
    tokens."""
    kind = _type(folder / "config.json")
    languages = catalogue.languages_of_files("onnx-asr", folder, list(weights.files_in(folder, deep=False)))
    files = {file.name: file.stat().st_size for file in files_to_load(folder, int8=True)}
    memory = catalogue.memory_of_files("onnx-asr", files)
    return timed(Model(folder.name, languages or (_UNDETERMINED,), memory, translation=kind == _TRANSLATING), kind)


def timed(model: Model, kind: str) -> Model:
    """Returns `model` as one that neither times nor rates words, if those of its layout or type `kind` cannot."""
    return replace(model, word_times=False, options=()) if kind.startswith(_UNTIMED) else model


def _type(config: Path) -> str:
    try:  # opening a pipe would block
        return str(content(config).get("model_type")) if config.is_file() else ""
    except (OSError, ValueError, RecursionError):
        return ""
