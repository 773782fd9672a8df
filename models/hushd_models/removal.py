"""Removes models from this machine, and leftovers of pulls, but nothing that others may still use.

In Hugging Face's cache a file is a link in a snapshot to a blob. A blob is removed with the last link to it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Container, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import user_cache
from hushd_schema import engines

from . import hf_cache, inventory
from .inventory import Row
from .store import Store, lock_shared


@dataclass(frozen=True, slots=True)
class Removed:
    """A removal in words, and its freed bytes; `spared` counts files that another model needs, or that are in a folder
    of the user's own."""

    what: str
    size: int
    spared: int = 0


def remove(store: Store, model: str) -> Removed:
    """Removes a model of any origin. A worker that has loaded it can go on until it ends.
    Raises `bad_request` for a model that comes with a package or the system; `model_missing` for one that is not
    installed; `server_busy` while it, or another one of its repository, is being pulled; `output_failed`."""
    model = _removable(store, model).model
    with _alone(store.lock(model, wait=False), model), _removing(model):
        row = _removable(store, model)  # a pull may have ended meanwhile
        begun = store.begun(model)
        repository = _repository(row.folder) if row.folder else None
        if not repository and begun and begun.kind == "hub" and store.blobs(model):
            repository = hf_cache.repository_folder(begun.place)
        shared = repository or store.folder / row.engine
        with _alone(lock_shared(shared, wait=False), begun.place if begun else f"a model beside {model}"):
            return _removed(store, row, repository)


def _removable(store: Store, model: str) -> Row:
    """Returns the model's row; raises HushdError if there is nothing to remove."""
    row = inventory.row(store, model)
    if row.state == "embedded" or row.origin == "system":
        how = "the system" if row.origin == "system" else "its engine's package"
        raise HushdError("bad_request", f"{row.model} comes with {how}, and can only be removed with it.")
    if row.state == "absent":
        raise HushdError("model_missing", f"{row.model} is not on this machine: there is nothing to remove.")
    return row


def _removed(store: Store, row: Row, repository: Path | None) -> Removed:
    others = _needed(store, row)
    brought = store.blobs(row.model)
    wanted_blobs = set[str]().union(*(store.blobs(other) for other in store.unfinished() if other != row.model))
    # The manifest first, so that a half-removed model does not count as one.
    store.manifest_path(row.model).unlink(missing_ok=True)
    size = spared = 0
    if row.folder is not None:
        paths = row.paths
        gone = [path for path in paths if path not in others] if _is_models_place(store, row.folder) else []
        spared = len(paths) - len(gone)
        size = _remove_files(store, row.folder, gone, wanted_blobs)
    size += _clear(store.workplace(row.model))
    if repository:
        size += _remove_blobs(repository, brought - wanted_blobs)
        _tidy(repository)
    return Removed(row.model, size, spared)


@contextmanager
def _alone(lock: AbstractContextManager[bool], what: str) -> Iterator[None]:
    with lock as ours:
        if not ours:
            raise HushdError("server_busy", f"{what} is being pulled: try again when it is done.")
        yield


@contextmanager
def _removing(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise HushdError("output_failed", f"{what} cannot be removed: {error.strerror}{where}.") from error


def _needed(store: Store, row: Row) -> set[Path]:
    """Returns the files of all other models, since those of a repository or an engine share files: kokoro's, their
    voices. One that hushd has not pulled counts if it has a file of its own: the rest may be there for `row` alone."""
    mine = set(row.paths)
    others = (other for other in inventory.rows(store) if other.model != row.model)
    return {path for other in others if other.manifest or not mine.issuperset(other.paths) for path in other.paths}


def _remove_files(store: Store, folder: Path, gone: Iterable[Path], wanted_blobs: Container[str]) -> int:
    """Removes files, their blobs in the hub's cache but those `wanted_blobs`, and folders left empty; returns the freed
    bytes."""
    if folder.is_symlink():  # a link to the user's own folder
        folder.unlink()
        return 0
    paths, files = set(gone), set()
    in_hub = _repository(folder)
    for path in paths:
        if not path.is_symlink():
            files.add(path)
        elif in_hub:
            blob = Path(os.path.abspath(path.parent / os.readlink(path)))
            if (
                blob.parent == in_hub / "blobs"
                and blob.name not in wanted_blobs
                and not _linked(in_hub, blob, besides=paths)
            ):
                files.add(blob)
    size = _bytes(files)
    for path in paths | files:
        if path.is_symlink() or path.is_file():
            unlink(store, path)
        _remove_empty(path.parent, above=folder)
    if not in_hub and folder.parent.parent == store.folder:  # the model's own folder in the models folder
        _remove_empty(folder, above=folder.parent)
    return size


def unlink(store: Store, path: Path) -> bool:
    """Removes a file or a link, if it lies where only models are; returns whether it did.

    A manifest may name any folder, and a folder in the models folder may be a link to the user's own files.
    Raises OSError if it cannot be removed.
    """
    if ours := _is_models_place(store, path.parent.resolve() / path.name):
        path.unlink(missing_ok=True)
    return ours


def _is_models_place(store: Store, path: Path) -> bool:
    """Returns whether `path` lies in a folder that only contains models: hushd's, the hub's cache, or an engine's."""
    caches = (user_cache() / spec.cache for spec in engines.every() if spec.cache)
    return any(place.resolve() in path.parents for place in (store.folder, hf_cache.cache(), *caches))


def _repository(folder: Path) -> Path | None:
    """Returns the repository's folder in the hub's cache, if `folder` is a snapshot in it."""
    snapshots = folder.parent
    inside = snapshots.name == "snapshots" and snapshots.parent.parent == hf_cache.cache()
    return snapshots.parent if inside else None


def _linked(repository: Path, blob: Path, besides: Container[Path] = ()) -> bool:
    """Returns whether any file of a snapshot, except `besides`, is a link to `blob`."""
    return any(
        path.is_symlink() and os.path.basename(os.readlink(path)) == blob.name and path not in besides
        for path in (repository / "snapshots").rglob("*")
    )


def _remove_empty(folder: Path, above: Path) -> None:
    """Removes `folder` and its parents below `above`, as far as they are empty."""
    while folder != above and above in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _tidy(repository: Path) -> None:
    """Removes empty snapshots, refs to them, and the whole folder if no blob is left."""
    for snapshot in (repository / "snapshots").glob("*"):
        try:
            snapshot.rmdir()
        except OSError:
            continue
        for ref in (repository / "refs").rglob("*"):
            if ref.is_file() and ref.read_text().strip() == snapshot.name:
                ref.unlink()
    try:
        for name in ("snapshots", "blobs"):
            if (repository / name).is_dir():
                (repository / name).rmdir()  # fails where another program has begun a file meanwhile
    except OSError:
        return
    shutil.rmtree(repository)


def _clear(work: Path) -> int:
    """Removes a working folder; returns the freed bytes."""
    if work.is_symlink() or not work.is_dir():
        work.unlink(missing_ok=True)
        return 0
    size = _bytes(work.rglob("*"))
    shutil.rmtree(work)
    return size


def _remove_blobs(repository: Path, names: Iterable[str]) -> int:
    """Removes blobs, whole or unfinished, that no snapshot has; returns the freed bytes."""
    blobs = (repository / "blobs" / name for name in names)
    gone = [part for blob in blobs for part in (blob, blob.with_name(f"{blob.name}{hf_cache.HALF}"))]
    gone = [path for path in gone if path.is_file() and not _linked(repository, path)]
    size = _bytes(gone)
    for path in gone:
        path.unlink(missing_ok=True)
    return size


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file() and not path.is_symlink())
