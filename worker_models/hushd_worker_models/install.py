"""Installs a finished model: checks for room, moves its files into the models folder, and writes its manifest last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from hushd_models import catalogue
from hushd_models.manifest import Manifest
from hushd_models.store import Store, lock_shared
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import readable
from hushd_schema.engines import EngineSpec

from .fetch import unwritable
from .task import Task

SPARE = 64_000_000  # bytes that stay free
LOCK_LOOK_INTERVAL_S = 0.5  # seconds between two checks whether another program has finished the model


@contextmanager
def alone(lock: Callable[[], AbstractContextManager[bool]], what: str, task: Task) -> Iterator[None]:
    """Waits until nobody else works on `what`, and lets nobody else meanwhile: whoever asks for a model that is being
    pulled then finds it installed.
    """
    while True:
        with lock() as ours:
            if ours:
                yield
                return
        task.note(f"waiting for another request or program that works on {what}")
        task.wait(LOCK_LOOK_INTERVAL_S)


def check_room(need: int, folder: Path, what: str, variable: str = "HUSHD_MODELS_DIR") -> None:
    """Checks that `need` bytes fit into `folder`, which may not exist yet. Raises `output_failed` if they do not fit.

    Args:
        what: the beginning of the error, such as `whisper/large needs 3 GB`.
        variable: the environment variable that chooses another folder.
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


def spec_of(model: str) -> EngineSpec:
    """Returns the spec of the engine of `model`, which must be one that keeps models."""
    spec = catalogue.engine(model.partition("/")[0])
    assert spec, model
    return spec


def finish(store: Store, manifest: Manifest, made: Mapping[str, Path], work: Path) -> Manifest:
    """Moves the files of a model into the models folder and writes its manifest; returns that, with its location.
    Raises `output_failed`. `made`: the current path of each file, in `work`."""
    place = store.place(manifest.model)
    flat = spec_of(manifest.model).flat
    manifest = replace(manifest, location="." if flat else place.name)
    with lock_shared(place.parent):  # until the manifest says what is needed: a removal of another model looks there
        try:
            if flat:
                # Descriptions first: one alone does not count as a model.
                for name in sorted(made, key=lambda name: not name.endswith(".json")):
                    os.replace(made[name], place.parent / name)
            else:
                _swap_folder(made, work, place)
        except OSError as error:
            raise unwritable(place, error) from error
        store.write(manifest)
    return manifest


def _swap_folder(made: Mapping[str, Path], work: Path, place: Path) -> None:
    """Makes a folder of finished files and swaps it for the old one."""
    whole, old = work / "whole", work / "old"
    for folder in (whole, old):
        shutil.rmtree(folder, ignore_errors=True)
    for name, path in made.items():
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, whole / name)
    if place.exists():
        os.replace(place, old)
    os.replace(whole, place)
