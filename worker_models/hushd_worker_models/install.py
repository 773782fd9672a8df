"""Whole files get their places in the models folder, if there is room for them, and last of all their manifest."""

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

from .fetch import unwritable

SPARE = 64_000_000  # bytes that are left free
FORMATS = {"whisper": "openai-whisper", "faster-whisper": "ctranslate2", "chatterbox": "safetensors"}
ONNX = "onnx"  # the format of all other engines' models


def check_room(need: int, folder: Path, what: str, variable: str = "HUSHD_MODELS_DIR") -> None:
    """Looks whether `need` bytes fit into `folder`, which need not be there yet, and which is such because of
    `variable`; `what` says who needs how many.

    Raises:
        HushdError: `output_failed`.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if need + SPARE > free:
        raise HushdError(
            "output_failed",
            f"{what}, and {folder} has {readable(free)} free, of which {readable(SPARE)} are left to others: make room "
            f"there, or set {variable} to another folder, and `hushd restart`.",
        )


def is_flat(model: str) -> bool:
    """Whether `model` is files in its engine's folder; else it is a folder there."""
    return catalogue.engines()[model.partition("/")[0]].flat


def settle(store: Store, manifest: Manifest, made: Mapping[str, Path], work: Path) -> Manifest:
    """Gives the files of `manifest` their places, and writes it; returns it with its location.

    Args:
        made: where each of its files is now, in `work`.

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
    """Puts whole files into an engine's folder. What describes another file comes before it: it is nothing alone."""
    for name in sorted(made, key=lambda name: not name.endswith(".json")):
        _put(made[name], folder / name)


def _settle_folder(made: Mapping[str, Path], work: Path, place: Path) -> None:
    """Makes a folder of whole files and puts it in the place of what is there."""
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
    """Gives a file its place; it keeps the old one too, until the manifest is written, for who has to go on here."""
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
