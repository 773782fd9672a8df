"""Finds the models of sherpa-onnx on this machine and their voices by their files, without loading them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hushd_models import catalogue, weights
from hushd_protocol.names import is_name
from hushd_schema import engines
from hushd_schema.engines import NoModel
from hushd_worker_tts.engine import Model, Voice, greeting

from .folders import Described, Speaker, described

SPEC = engines.get("sherpa-onnx")

# The usual pace of reading aloud; not measured, since no voices were available.
WPM = 170


def find(model: str) -> Path | None:
    """Returns the folder of `model`; None if there is none."""
    if not is_name(model):
        return None
    own = weights.folder(SPEC.name) / model
    if any(own.glob("*.onnx")):
        return own
    return next((folder for folder, _ in weights.kept(f"{SPEC.name}/{model}")), None)


def _known() -> dict[str, catalogue.Known]:
    return {known.name: known for known in catalogue.of(SPEC.name)}


def here() -> dict[str, tuple[Path, Described]]:
    """Returns the models on this machine that can be loaded, with their descriptions by their files."""
    models = {}
    for name in dict.fromkeys((*SPEC.models, *weights.names(SPEC.name))):
        if folder := find(name):
            try:
                models[name] = (folder, described(folder))
            except (NoModel, OSError):
                continue  # the load reports it
    return models


def model(name: str, files: tuple[Path, Described] | None, package: bool) -> Model:
    """Describes a model by its files, or by the catalogue if it is not installed."""
    if files is None:
        known = _known()[name]
        return Model(name, known.languages, known.memory_mb, embedded=False, installed=False)
    folder, description = files
    return Model(
        name,
        description.languages,
        catalogue.memory_of_files(SPEC.name, weights.files_in(folder)),
        embedded=False,
        installed=package,
    )


def voices() -> Iterator[Voice]:
    """Yields the voices of installed models, then the other known voices."""
    models = here()
    for name, (_, description) in models.items():
        for speaker in description.voices():
            yield _voice(name, speaker)
    for name, known in _known().items():
        if name not in models:
            for tag in known.languages:
                yield _missing(name, tag, first=tag == known.languages[0])


def voice_name(model: str, speaker: str) -> str:
    """Returns the name of a voice, by its model and the speaker's name there."""
    return f"{model}.{speaker}" if speaker else model


def _voice(model: str, named: tuple[str, Speaker]) -> Voice:
    name, speaker = named
    own = name.rpartition(".")[2]
    sample = greeting(speaker.language, own if own and own != speaker.language else model)
    return Voice(voice_name(model, name), speaker.language, speaker.gender, model, True, sample, WPM)


def _missing(model: str, language: str, *, first: bool) -> Voice:
    """Returns a voice of a well-known model that is not installed."""
    name = voice_name(model, "" if first else language)
    return Voice(name, language, "", model, False, greeting(language, model), WPM)
