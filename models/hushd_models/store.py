"""The models on this machine that hushd has brought here: their manifests, their places, and who works on them.

`ENGINE/` in the models folder holds the engine's models as files or folders, as its engine reads them, and beside each
that hushd brought `NAME.hushd.json` (see `manifest`). What is being made lies in `.NAME.part/`, which is not a model to
any engine, and is renamed into its place when it is whole; the manifest is written last.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import glob  # unlike pathlib's it finds nothing where it may not look
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file
from hushd_protocol.system.paths import Paths

from . import manifest
from .manifest import SUFFIX, BadManifest, Manifest, Source, split

_FORMER = ".former.json"
# In a model's workplace: what it is being made of, and what its manifest will be.
_SOURCE, _COMING = "source.json", "manifest.json"


class Store:
    """The models folder of `paths`. Nothing is created before something is written."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.folder = paths.models

    # --- what is there ---

    def find(self, model: str) -> Manifest | None:
        """The manifest of `model`; None where hushd has not brought it. It does not say that the files are still there.

        Raises:
            HushdError: `model_missing` when there is one that cannot be read; `bad_request` for a bad name.
        """
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
        """All manifests, or an engine's, by model, in order; where one cannot be read, why."""
        manifests: dict[str, Manifest | HushdError] = {}
        for path in sorted(glob(f"{engine}/*{SUFFIX}", root_dir=self.folder)):
            model = path.removesuffix(SUFFIX)
            try:
                if known := self.find(model):
                    manifests[model] = known
            except HushdError as error:
                if error.code != "bad_request":  # what bears another name is not ours
                    manifests[model] = error
        return manifests

    def has_any(self, engine: str) -> bool:
        """Returns whether hushd has brought any model of `engine`."""
        return bool(glob(f"*{SUFFIX}", root_dir=self.folder / engine))

    def manifest_path(self, model: str) -> Path:
        engine, name = split(model)
        return self.folder / engine / f"{name}{SUFFIX}"

    def place(self, model: str) -> Path:
        """The folder of `model`; the files of one that has none are `place(model)` with a suffix added to the name."""
        engine, name = split(model)
        return self.folder / engine / name

    def location(self, model: Manifest) -> Path:
        """The absolute folder that the manifest's files are relative to."""
        return self.folder / model.engine / model.location

    def relative(self, engine: str, location: Path) -> str:
        """`Manifest.location` for an absolute folder."""
        try:
            return location.relative_to(self.folder / engine).as_posix()
        except ValueError:
            return str(location)

    def missing(self, model: Manifest) -> list[str]:
        """Its files that are not there, or of another size."""
        location = self.location(model)
        return [name for name, file in model.files.items() if _size(location / name) != file.size]

    # --- making one ---

    @contextmanager
    def lock(self, model: str, *, wait: bool = True) -> Iterator[bool]:
        """For the only process (and the only opener in it) that works on `model`: yields True; False at once where
        somebody else does and `wait` is false.

        Raises:
            HushdError: `output_failed` when the models folder cannot be written.
        """
        engine, name = split(model)
        path = self.folder / engine / f".{name}.lock"
        while True:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise _unwritable(path.parent, error) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(descriptor)
                yield False
                return
            # Whoever had it removes the file; what we then have locked is no longer the one others open.
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

    def begin(self, model: str, source: Source) -> Path:
        """The folder to make `model` in, on the same file system as its place, kept until `write` or `prune`: what a
        broken download has left there can be gone on with. It is emptied when it was begun for another source.

        To be called by the holder of the lock.

        Raises:
            HushdError: `output_failed`.
        """
        import json
        import shutil

        from hushd_protocol.light_dataclass import values

        work = self.workplace(model)
        if self.begun(model) != source:
            shutil.rmtree(work, ignore_errors=True)
            try:
                work.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _unwritable(work.parent, error) from error
            replace(work / _SOURCE, json.dumps(source, default=values))
        return work

    def begun(self, model: str) -> Source | None:
        """The source that `model` is being made of, or was when that broke off."""
        import json

        try:
            return Source(**json.loads((self.workplace(model) / _SOURCE).read_bytes()))
        except (OSError, ValueError, TypeError, RecursionError):
            return None

    def unfinished(self, engine: str = "*") -> list[str]:
        """The models, or an engine's, that have been begun and not been written."""
        places = sorted(glob(f"{engine}/.*.part", root_dir=self.folder))
        return [place.replace("/.", "/", 1).removesuffix(".part") for place in places]

    def announce(self, model: Manifest) -> None:
        """Writes down what the manifest will be, before files get their places: who is killed between these and the
        manifest leaves a whole model.

        Raises:
            HushdError: `output_failed`.
        """
        replace(self.workplace(model.model) / _COMING, manifest.dumps(model))

    def announced(self, model: str) -> Manifest | None:
        """The manifest that `announce` has written for `model`, until `write`."""
        try:
            return manifest.loads((self.workplace(model) / _COMING).read_bytes())
        except (OSError, BadManifest):
            return None

    def write(self, model: Manifest) -> None:
        """Writes the manifest, atomically, once all its files are in their places; removes what it was made in.

        Raises:
            HushdError: `output_failed`.
        """
        import shutil

        replace(self.manifest_path(model.model), manifest.dumps(model))
        shutil.rmtree(self.workplace(model.model), ignore_errors=True)

    def retire(self, model: Manifest) -> None:
        """Writes down that the files of `found`, an earlier revision, are left to workers that are just loading them:
        `prune` and `rm` remove them.

        Raises:
            HushdError: `output_failed`.
        """
        path = self.folder / model.engine / f".{model.name}.{model.source.revision[:12]}{_FORMER}"
        replace(path, manifest.dumps(model))

    def former(self) -> dict[Path, Manifest]:
        """The manifests that `retire` has written, by their files."""
        manifests = {}
        for path in sorted(glob(f"*/.*{_FORMER}", root_dir=self.folder)):
            with suppress(OSError, BadManifest):
                manifests[self.folder / path] = manifest.loads((self.folder / path).read_bytes())
        return manifests

    def workplace(self, model: str) -> Path:
        """The working folder that `begin` makes."""
        engine, name = split(model)
        return self.folder / engine / f".{name}.part"


def replace(path: Path, text: str) -> None:
    """Writes a file so that it is there whole or not at all, whatever happens.

    Raises:
        HushdError: `output_failed`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.replace(path, text, mode=0o644, sync=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _size(path: Path) -> int:
    try:
        info = path.stat()
    except OSError:
        return -1
    return info.st_size if path.is_file() else -1


def _damaged(model: str, path: Path, why: str) -> HushdError:
    return HushdError("model_missing", f"{path} {why}: `hushd models pull {model}` gets the model anew.")


def _unwritable(path: Path, error: OSError) -> HushdError:
    return HushdError(
        "output_failed",
        f"{path} cannot be written ({error.strerror or error}): "
        "set HUSHD_MODELS_DIR to another folder, and `hushd restart`.",
    )
