"""Installs a finished model: checks for room, moves its files into the models folder, and writes its manifest last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hushd_models import catalogue
from hushd_models.manifest import Manifest
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_schema.engines import EngineSpec

from .fetch import unwritable

SPARE = 64_000_000  # bytes that stay free


def check_room(need: int, folder: Path, what: str, variable: str = "HUSHD_MODELS_DIR") -> None:
    """Checks that `need` bytes fit into `folder`, which may not exist yet.

    Args:
        what: the beginning of the error, such as `whisper/large needs 3 GB`.
        variable: the environment variable that chooses another folder.

    Raises:
        HushdError: `output_failed` if they do not fit.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if need + SPARE > free:
        raise HushdError(
            "output_failed",
            f"{what}, and {folder} has {readable(free)} free, of which {readable(SPARE)} stay unused: make room "
            f"there, or set {variable} to another folder, and `hushd restart`.",
        )


def is_flat(model: str) -> bool:
    """Returns whether the files of `model` are in its engine's folder itself, without a folder of their own."""
    return spec_of(model).flat


def spec_of(model: str) -> EngineSpec:
    """Returns the spec of the engine of `model`, which must be one that keeps models."""
    spec = catalogue.engine(model.partition("/")[0])
    assert spec, model
    return spec


def settle(store: Store, manifest: Manifest, made: Mapping[str, Path], work: Path) -> Manifest:
    """Moves the files of a model into the models folder and writes its manifest; returns that, with its location.

    Args:
        made: the current path of each file, in `work`.

    Raises:
        HushdError: `output_failed`.
    """
    place = store.place(manifest.model)
    flat = is_flat(manifest.model)
    manifest = replace(manifest, location="." if flat else place.name)
    store.announce(manifest)
    try:
        if flat:
            _settle_files(made, place.parent)
        else:
            _settle_folder(made, work, place)
    except OSError as error:
        raise unwritable(place, error) from error
    store.write(manifest)
    return manifest


def _settle_files(made: Mapping[str, Path], folder: Path) -> None:
    """Moves finished files into an engine's folder, descriptions first: one alone does not count as a model."""
    for name in sorted(made, key=lambda name: not name.endswith(".json")):
        _put(made[name], folder / name)


def _settle_folder(made: Mapping[str, Path], work: Path, place: Path) -> None:
    """Makes a folder of finished files and swaps it for the old one."""
    whole, old = work / "whole", work / "old"
    for folder in (whole, old):
        shutil.rmtree(folder, ignore_errors=True)
    for name, path in made.items():
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        _put(path, whole / name)
    if place.exists():
        os.replace(place, old)
    os.replace(whole, place)


def _put(path: Path, place: Path) -> None:
    """Links a file to `place`; its old path stays until the manifest is written, for an install that is interrupted."""
    if place.exists() and place.samefile(path):
        return
    temporary = place.with_name(f".hushd-{place.name}")
    try:
        temporary.unlink(missing_ok=True)
        os.link(path, temporary)
    except OSError:  # a file system without links
        os.replace(path, place)
    else:
        os.replace(temporary, place)


def readable(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
