"""The models that hushd has installed: their manifests, their places, and the locks for working on them.

`ENGINE/` in the models folder holds the engine's models as files or folders, as its engine reads them, and beside each
model that hushd installed `NAME.hushd.json` (see `manifest`). An unfinished model is in `.NAME.part/`, which no engine
takes for a model, and is moved to its place when it is complete; the manifest is written last.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from glob import glob  # skips folders without permission, unlike pathlib's
from pathlib import Path

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import atomic_file
from hushd_protocol.system.paths import Paths

from . import manifest
from .manifest import SUFFIX, BadManifest, Manifest, Source, split

_SOURCE, _BLOBS = "source.json", "blobs"  # files in a model's working folder
_ANOTHER_FOLDER = "set HUSHD_MODELS_DIR to another folder, and `hushd restart`"


class Store:
    """The models folder of `paths`, which is created by the first write."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.folder = paths.models

    # --- reading ---

    def find(self, model: str) -> Manifest | None:
        """Returns the manifest of `model`, even if its files are gone; None if hushd has not installed it.
        Raises `model_missing` if the manifest cannot be read; `bad_request` for an invalid name."""
        path = self.manifest_path(model)
        try:
            known = manifest.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _damaged(model, path, f"cannot be read ({error.strerror})") from error
        except BadManifest as error:
            raise _damaged(model, path, str(error)) from error
        if known.model != model:
            raise _damaged(model, path, f"is that of {known.model}")
        return known

    def kept(self, engine: str = "*") -> dict[str, Manifest | HushdError]:
        """Returns all manifests, or an engine's, by model, in order; an error in place of an unreadable one."""
        manifests: dict[str, Manifest | HushdError] = {}
        for path in sorted(glob(f"{engine}/*{SUFFIX}", root_dir=self.folder)):
            model = path.removesuffix(SUFFIX)
            try:
                if known := self.find(model):
                    manifests[model] = known
            except HushdError as error:
                if error.code != "bad_request":  # a file with another kind of name is not ours
                    manifests[model] = error
        return manifests

    def manifest_path(self, model: str) -> Path:
        engine, name = split(model)
        return self.folder / engine / f"{name}{SUFFIX}"

    def place(self, model: str) -> Path:
        """Returns the folder of `model`; a model without a folder has files named `place(model)` plus a suffix."""
        engine, name = split(model)
        return self.folder / engine / name

    def location(self, model: Manifest) -> Path:
        """Returns the absolute folder of the manifest's files."""
        return self.folder / model.engine / model.location

    def missing(self, model: Manifest) -> list[str]:
        """Returns the model's files that are missing or have another size."""
        location = self.location(model)
        return [name for name, file in model.files.items() if _size(location / name) != file.size]

    # --- installing ---

    def lock(self, model: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Locks `model` for one piece of work at a time, as `locked` does."""
        engine, name = split(model)
        return locked(self.folder / engine / f".{name}.lock", wait=wait)

    def begin(self, model: str, source: Source) -> Path:
        """Returns the working folder for `model`, on the same file system as its place, kept until `write` or `rm`,
        so that a broken download can be continued. It is emptied if it was begun for another source.

        Only for the owner of the lock. Raises `output_failed`.
        """
        work = self.workplace(model)
        if self.begun(model) != source:
            shutil.rmtree(work, ignore_errors=True)
            replace(work / _SOURCE, json.dumps(source, default=asdict))
        return work

    def begun(self, model: str) -> Source | None:
        """Returns the source of an unfinished `model`."""
        try:
            return Source(**json.loads((self.workplace(model) / _SOURCE).read_bytes()))
        except (OSError, ValueError, TypeError, RecursionError):
            return None

    def note_blobs(self, model: str, names: Iterable[str]) -> None:
        """Writes down which blobs of the hub's cache an unfinished `model` brings, beside those of earlier tries."""
        replace(self.workplace(model) / _BLOBS, "\n".join(sorted(self.blobs(model).union(names))))

    def blobs(self, model: str) -> set[str]:
        """Returns the names of the blobs that an unfinished `model` brings."""
        try:
            return set((self.workplace(model) / _BLOBS).read_text().split())
        except (OSError, ValueError):
            return set()

    def unfinished(self, engine: str = "*") -> list[str]:
        """Returns the unfinished models, of all engines or of one."""
        places = sorted(glob(f"{engine}/.*.part", root_dir=self.folder))
        return [place.replace("/.", "/", 1).removesuffix(".part") for place in places]

    def write(self, model: Manifest) -> None:
        """Writes the manifest atomically, once all its files are in their places; removes the working folder.
        Raises `output_failed`."""
        replace(self.manifest_path(model.model), manifest.dumps(model))
        shutil.rmtree(self.workplace(model.model), ignore_errors=True)

    def workplace(self, model: str) -> Path:
        """Returns the path of the working folder of `model`."""
        engine, name = split(model)
        return self.folder / engine / f".{name}.part"


def lock_shared(folder: Path, *, wait: bool = True) -> AbstractContextManager[bool]:
    """Locks, as `locked` does, a folder whose files several models share: an engine's, or a repository's in the hub's
    cache. Whoever locks a model, too, locks that first."""
    return locked(folder / ".lock", wait=wait)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Makes a file that one owner at a time has, in any process, and removes it; yields False if another one has it
    and `wait` is false. Raises `output_failed` if its folder cannot be written."""
    while True:
        with os_errors_as("output_failed", f"{path.parent} cannot be written", _ANOTHER_FOLDER):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        # The last owner removes the file; if so, our lock is on a file that nobody else can open.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                break
        os.close(descriptor)
    try:
        yield True
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def replace(path: Path, text: str) -> None:
    """Writes a file completely or not at all; makes its folder. Raises `output_failed`."""
    with os_errors_as("output_failed", f"{path} cannot be written", _ANOTHER_FOLDER):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.replace(path, text, mode=0o644, sync=True)


def _size(path: Path) -> int:
    try:
        info = path.stat()
    except OSError:
        return -1
    return info.st_size if path.is_file() else -1


def _damaged(model: str, path: Path, why: str) -> HushdError:
    return HushdError("model_missing", f"{path} {why}: `hushd models pull {model}` gets the model again.")
