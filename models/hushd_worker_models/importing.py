"""Imports a user's own file as a model, by copying, so that later changes of the file do not affect the model.

The model's engine is found by its content, without loading it or running code from it: each engine's spec can recognise
models of the engine and check that their files are complete.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hushd_models import catalogue, verification
from hushd_models.installation import engine_needed
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.errors import HushdError, reason
from hushd_schema.engines import Files, NoModel, NotAlike, Recognition

from .fetch import unwritable
from .install import alone, check_room, readable, settle, spec_of
from .task import Task

_BLOCK = 1 << 20


class Import:
    """The import of one file or folder, as `ENGINE/name`.

    Args:
        path: the absolute path.
        engine: the model's engine; empty to detect it by the content.
    """

    def __init__(self, path: str, name: str, engine: str, store: Store, task: Task) -> None:
        self._path = Path(path)
        self._name = name
        self._engine = engine
        self._store = store
        self._task = task

    def run(self) -> Manifest:
        """Copies the model into the models folder.

        Raises:
            HushdError: `input_unreadable` if it is not a model or cannot be read; `bad_request` for an invalid name or
                a used one; `output_failed` if there is no room, or no permission to write.
        """
        if not self._path.is_absolute():
            raise HushdError("bad_request", "The path of an import must be absolute.")
        engine, files = look_at(self._path, self._name, self._engine)
        model = f"{engine}/{self._name}"
        with alone(self._store, model, self._task):
            manifest = self._store.find(model)
            if manifest and self._is_copied(manifest, files):
                return manifest
            self._check_free(model, manifest, files)
            return self._bring(model, files)

    def _is_copied(self, manifest: Manifest, files: Files) -> bool:
        """Returns whether an earlier import of the same files is here, and whole."""
        if manifest.source != self._source or verification.verify(self._store, manifest):
            return False
        return {name: file.sha256 for name, file in manifest.files.items()} == {
            name: verification.sha256(path) for name, path in files.items()
        }

    def _check_free(self, model: str, manifest: Manifest | None, files: Files) -> None:
        """Checks that no undamaged model has the name, and that there is room; raises `bad_request` or
        `output_failed`."""
        place = self._store.place(model)
        own = (place.parent / name for name in files if name.startswith(f"{self._name}."))
        taken = list(own) if spec_of(model).flat else [place]
        # Leftovers of a killed import of the same file are not another model.
        begun = self._store.begun(model) == self._source
        damaged = manifest is not None and bool(verification.verify(self._store, manifest))
        if not damaged and (manifest or (not begun and any(place.exists() for place in taken))):
            raise HushdError("bad_request", f"There is a model {model} already: choose another --name.")
        size = sum(path.stat().st_size for path in files.values())
        check_room(size, self._store.folder, f"{self._path} has {readable(size)}")
        self._task.total = size

    @property
    def _source(self) -> Source:
        return Source("file", str(self._path))

    def _bring(self, model: str, files: Files) -> Manifest:
        engine = model.partition("/")[0]
        work = self._store.begin(model, self._source)
        self._task.note(f"copying {self._path}")
        made, described = {}, {}
        for number, (name, path) in enumerate(sorted(files.items())):
            made[name] = work / f"{number}"
            described[name] = self._copy(path, made[name])
        manifest = Manifest(
            engine=engine,
            name=self._name,
            role=catalogue.role_of_files(engine, files.values()),
            source=self._source,
            files=described,
            location=".",
            format=spec_of(model).format,
        )
        return settle(self._store, manifest, made, work)

    def _copy(self, path: Path, target: Path) -> File:
        """Copies a file; returns what the copy has."""
        digest, size = hashlib.sha256(), 0
        try:
            source = open(path, "rb")  # noqa: SIM115 - closed below; opened apart from the target for its errors
        except OSError as error:
            raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror}).") from error
        with source:
            try:
                with open(target, "wb") as copy:
                    while data := source.read(_BLOCK):
                        self._task.wait()
                        copy.write(data)
                        digest.update(data)
                        size += len(data)
                        self._task.add(len(data))
                    copy.flush()
                    os.fsync(copy.fileno())
            except OSError as error:
                raise unwritable(target, error) from error
        return File(size, digest.hexdigest())


# --- recognition ---


def recognitions() -> Mapping[str, Recognition]:
    """Returns the `Recognition` of each engine whose models can be imported."""
    return {name: spec.recognition for name, spec in catalogue.engines().items() if spec.recognition}


def look_at(path: Path, name: str, engine: str = "") -> tuple[str, Files]:
    """Returns the engine to which the model at `path` belongs, and the model's files; `engine` restricts the search.

    Raises:
        HushdError: `input_unreadable` if no engine recognises it; `bad_request` if models cannot be imported for
            `engine`.
    """
    every = recognitions()
    if engine and engine not in every:
        if needed := engine_needed(engine):
            raise HushdError("engine_missing", needed)
        raise HushdError("bad_request", f"Models can be imported for {', '.join(every)}, not for {engine[:80]!r}.")
    try:
        if not path.exists():
            raise HushdError("input_unreadable", f"{path} does not exist, or hushd's worker may not see it.")
        why = _kinds(every)
        for candidate in (engine,) if engine else _self_recognising(every):
            try:
                return candidate, every[candidate].look(path, name)
            except NoModel as error:
                why = str(error)
                break
            except NotAlike as error:
                why = str(error) if engine else why
            except OSError:
                raise
            except Exception as error:  # another package's engine may raise anything
                why = f"the check of {candidate} has failed ({reason(error)})" if engine else why
    except OSError as error:
        raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror or error}).") from error
    kind = f"model for {engine}" if engine else "model of a known kind"
    raise HushdError("input_unreadable", f"{path} is not a {kind}: {why}.")


def _self_recognising(every: Mapping[str, Recognition]) -> Sequence[str]:
    """Returns the engines that recognise a model by its content alone, in the order of their checks."""
    return sorted((name for name, how in every.items() if how.alone), key=lambda name: every[name].order)


def _kinds(every: Mapping[str, Recognition]) -> str:
    """Returns the list of recognised kinds of models, for the error about another kind."""
    files = [how.kind for how in every.values() if how.alone and how.kind]
    folders = [f"{name}'s" for name, how in every.items() if how.alone and not how.kind]
    *most, last = folders
    return (
        f"known are {', '.join(files)}, and folders of {', '.join(most)} and {last}; for another kind name its --engine"
    )
