"""Checks that a model's files are unchanged since hushd installed them: by SHA-256, once after each change.

`verified/ENGINE/NAME.json` in the state folder remembers the size, time of change, inode and hash of each correct file.
It is one file per model, since workers of several models may start at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, best_effort, paths

from . import catalogue
from .manifest import Manifest
from .store import Store

_BLOCK = 1 << 20  # bytes read at once
_NOTE_EVERY = 256 << 20  # bytes between two progress reports while a worker starts


def sha256(path: Path, report: Callable[[int], None] | None = None) -> str:
    """Returns the SHA-256 of a file, in hexadecimal; calls `report` after each MB with the bytes read so far.

    Raises:
        OSError: it cannot be read.
    """
    import hashlib  # loads OpenSSL

    digest, done = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            if report:
                report(done)
    return digest.hexdigest()


def before_load(engine: str, name: str, report: Callable[[str], None]) -> Manifest | None:
    """Checks a model that hushd has installed, unless it is unchanged since the last check; returns its manifest.

    Returns None for any other model.

    Raises:
        HushdError: `model_missing` if a file is missing or different.
    """
    model = f"{engine}/{name}"
    store = Store(paths.find())
    if not store.has_any(engine):
        return None
    if (known := store.find(model) or store.find(catalogue.canonical(model))) is None:
        return None
    noted = -1

    def show(done: int) -> None:
        nonlocal noted
        if done // _NOTE_EVERY > noted:
            noted = done // _NOTE_EVERY
            report(f"checking the files of {model}")

    if problems := verify(store, known, show, anew=False):
        raise HushdError("model_missing", f"The model {model} is damaged ({problems[0]}): {remedy(known)}.")
    return known


def remedy(model: Manifest) -> str:
    """Returns the command that repairs a model from its source: the end of a sentence, without its full stop."""
    source = model.source
    if source.kind == "file" and not os.path.exists(source.place):
        return f"{source.place} is gone: `hushd models import FILE --name {model.model}` takes another copy of it"
    return f"`hushd models pull {model.model}` gets it again"


def verify(
    store: Store, model: Manifest, report: Callable[[int], None] | None = None, *, anew: bool = True
) -> list[str]:
    """Checks the files of a model; returns a clause for each wrong one, and an empty list if all are right.

    Args:
        report: called with the bytes read so far, of all files.
        anew: whether to read also files that were right at the last check, and have not changed since.
    """
    location, problems = store.location(model), []
    marks = {} if anew else _marks(store, model.model)
    seen: dict[str, list[object]] = {}
    read = 0

    def show(done: int) -> None:
        if report:
            report(read + done)

    for name, file in model.files.items():
        path = location / name
        try:
            mark = _mark(path, file.sha256)
            if mark[0] != file.size:
                problems.append(f"{path} has {mark[0]} bytes instead of {file.size}")
            elif marks.get(name) == mark:
                seen[name] = mark
            elif (digest := sha256(path, show)) != file.sha256:
                problems.append(_another(path, digest, file.sha256))
            else:
                seen[name] = mark
        except FileNotFoundError:
            problems.append(f"{path} is missing")
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}")
        read += file.size
    if seen != marks:
        _remember(store, model.model, seen)
    return problems


def forget(store: Store, model: str) -> None:
    """Forgets the checks of a model."""
    with best_effort.writing(_path(store, model)):  # an old entry does no harm: it is compared with the files
        _path(store, model).unlink(missing_ok=True)


def _another(path: Path, digest: str, expected: str) -> str:
    return f"{path} has the sha256 {digest[:12]}… instead of {expected[:12]}…"


def _mark(path: Path, digest: str) -> list[object]:
    info = os.stat(path)
    return [info.st_size, info.st_mtime_ns, info.st_ino, digest]


def _marks(store: Store, model: str) -> dict[str, object]:
    try:
        content = json.loads(_path(store, model).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _remember(store: Store, model: str, marks: dict[str, list[object]]) -> None:
    path = _path(store, model)
    with best_effort.writing(path):  # if this fails, the next check reads the model again
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.replace(path, json.dumps(marks), mode=0o644)


def _path(store: Store, model: str) -> Path:
    return store.paths.verified / f"{model}.json"
