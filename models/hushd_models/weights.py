"""Finds the weights of a model for the engine that loads them: in the models folder, and in Hugging Face's cache.

The user's own come first: a folder with the model's name, or a file, in `folder(engine)`. Each engine judges by itself
whether such a place has a model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.names import is_name
from hushd_protocol.system import paths

from . import catalogue, hf_cache
from .manifest import Manifest
from .store import Store


def folder(engine: str) -> Path:
    """Returns the folder for an engine's models, the user's own and most of those that hushd has pulled."""
    return paths.find().models / engine


def entries(engine: str) -> list[Path]:
    """Returns the files and folders in the folder of an engine; none without it."""
    try:
        return sorted(folder(engine).iterdir())
    except OSError:
        return []


def pulled(engine: str) -> list[str]:
    """Returns the names of an engine's models that hushd has pulled, imported or converted."""
    manifests = Store(paths.find()).kept(engine).values()
    return [manifest.name for manifest in manifests if isinstance(manifest, Manifest)]


def names(engine: str) -> list[str]:
    """Returns the names of the models that an engine may find, each in a folder: the user's own, and pulled ones."""
    own = (entry.name for entry in entries(engine) if is_name(entry.name) and entry.is_dir())
    return list(dict.fromkeys((*own, *pulled(engine))))


def kept(model: str, store: Store | None = None) -> Iterator[tuple[Path, dict[str, int]]]:
    """Yields the folders that hold `model` although the user has not put it there, each with the sizes of the model's
    files: what hushd has pulled into `store`, even if files are gone since, then a complete snapshot in Hugging Face's
    cache. A damaged manifest counts as none."""
    store = store or Store(paths.find())
    for name in dict.fromkeys((model, catalogue.canonical(model))):
        try:
            manifest = store.find(name)
        except HushdError:
            continue
        if manifest:
            yield store.location(manifest), {file: known.size for file, known in manifest.files.items()}
    entry = catalogue.find(model)
    snapshot = hf_cache.snapshot(entry.repository, entry.revision) if entry and entry.repository else None
    if entry and snapshot and (chosen := entry.choose(sizes := files_in(snapshot))):
        yield snapshot, {file: sizes[file] for file in chosen}


def files_in(folder: Path, deep: bool = True) -> dict[str, int]:
    """Returns the sizes of a folder's files by relative path, with subfolders if `deep`; skips dangling links and
    hidden files."""
    sizes: dict[str, int] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith("."):
                    continue
                try:
                    if entry.is_file():
                        sizes[entry.name] = entry.stat().st_size
                    elif deep and entry.is_dir(follow_symlinks=False):
                        inner = files_in(Path(entry.path))
                        sizes |= {f"{entry.name}/{name}": size for name, size in inner.items()}
                except OSError:
                    continue
    except OSError:
        pass
    return sizes
