"""Finds the models of the engine `transcribe-cpp` on this machine, each a GGUF file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hushd_models import catalogue, weights
from hushd_protocol.names import is_name
from hushd_schema import engines
from hushd_schema.engines import NoModel
from hushd_worker_stt.engine import Model

from .files import Abilities, described, well_known

SPEC = engines.get("transcribe-cpp")
_UNDETERMINED = "und"  # ISO 639's code for an undetermined language


def known(models: tuple[Model, ...]) -> tuple[Model, ...]:
    """Returns the well-known `models`, each with its abilities, and the installed ones."""
    abilities = well_known()
    catalogued = {model.name: _with(model, abilities[model.name]) for model in models}
    own = {name: model for name in here() if (file := find(name)) and (model := _model(name, file))}
    return tuple((catalogued | own).values())


def find(model: str) -> Path | None:
    """Returns the file of `model`; None if there is none."""
    if not is_name(model):
        return None
    own = sorted((weights.folder(SPEC.name) / model).glob("*.gguf"))
    pulled = (folder / file for folder, files in weights.kept(f"{SPEC.name}/{model}") for file in files)
    return next((file for file in (*own, *pulled) if file.is_file()), None)


def here() -> list[str]:
    """Returns the names of the models on this machine."""
    return list(dict.fromkeys([*well_known(), *weights.names(SPEC.name)]))


def _model(name: str, file: Path) -> Model | None:
    """Returns the model by its file; None if the load would refuse it."""
    try:
        _, tags, abilities = described(file)
        memory = catalogue.memory_of_files(SPEC.name, {file.name: file.stat().st_size})
    except (NoModel, OSError):
        return None
    return _with(Model(name, tags or (_UNDETERMINED,), memory), abilities)


def _with(model: Model, abilities: Abilities) -> Model:
    return replace(
        model,
        translation=abilities.translation,
        streaming=abilities.streaming,
        word_times=abilities.word_times,
        options=abilities.options,
    )
