"""Converts an installed model to a smaller one: Whisper's checkpoints for CTranslate2, ONNX graphs to int8 weights, and
GGUF files so that their weights can be mapped, which takes less memory.

The work itself is done by a program for each kind, because only the end of a process gives back all its memory:
`python -m hushd_worker_stt.convert` and `….convert.gguf`, which only that component can do, and
`python -m hushd_worker_models.graphs`. They belong to this worker's process group, so that they count towards its
memory and end with it. Each prints one JSON object per line: {"done", "total"} in bytes, {"note"}, or finally {"error",
"message"}.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from hushd_models import advice, catalogue, inventory, user_models, verification
from hushd_models.catalogue import INT8, makes
from hushd_models.installation import extra_command, package_command
from hushd_models.inventory import Row
from hushd_models.manifest import File, Manifest, Source, split
from hushd_models.store import Store
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup

from .fetch import unwritable
from .install import check_room, is_flat, readable, settle, spec_of
from .single_flight import SharedTask

_LOOK_S = 0.1
_MAX_LINE = 64 * 1024  # bytes of a line
_PROGRAM = 100_000_000  # bytes of memory that a program takes without any model


def target(model: str, to: str, name: str = "") -> str:
    """Returns the name of the result, by default `faster-whisper/base` for `whisper/base`, otherwise
    `ENGINE/NAME-int8`.

    Raises:
        HushdError: `bad_request` if the engine's models cannot be converted, or not to precision `to`.
    """
    engine, own = split(model)
    if (able := makes().get(engine)) is None:
        spec = catalogue.engine(engine)
        why = (spec and spec.one_precision) or "has no models that hushd can make smaller"
        raise HushdError(
            "bad_request", f"The engine {engine} {why}: hushd makes models of {', '.join(makes())} smaller."
        )
    into = able.into or engine
    if to not in able.names:
        raise HushdError("bad_request", f"A model of {engine} can become {', '.join(able.names)}, not {to[:40]!r}.")
    made = f"{into}/{name or (own if into != engine and to == INT8 else f'{own}-{to}')}"
    split(made)
    if made == model:
        raise HushdError("bad_request", f"{model} would replace itself: choose another --name.")
    return made


def checkpoint_for(model: str, store: Store) -> str | None:
    """Returns the installed checkpoint from which `model` can be converted, such as `whisper/base` for
    `faster-whisper/base`; None if there is none, if `model` itself is installed, or if the converter is missing."""
    engine, name = split(model)
    for source, able in makes().items():
        if able.into == engine and _version(able.package) is not None:
            try:
                if inventory.row(store, model).usable:
                    return None
                if (row := inventory.row(store, f"{source}/{name}")).usable:
                    return row.model
            except HushdError:
                continue
    return None


def is_int8(files: Iterable[str]) -> bool:
    """Returns whether a model of graphs has int8 weights in all of them, by the names of its files."""
    names = list(files)
    return any(name.endswith(".onnx") for name in names) and not _larger(names)


def _larger(files: Iterable[str]) -> list[str]:
    """Returns the graphs that can be made smaller."""
    return [name for name in files if name.endswith(".onnx") and INT8 not in name.rpartition("/")[2]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The source and the result of a conversion. `files` has the source's absolute paths by their names in its
    folder."""

    model: str
    made: str
    to: str
    source: Source
    files: Mapping[str, Path]
    converter: str


class Quantize:
    """The conversion of one model.

    Args:
        name: the result's name, if not the default (see `target`).
    """

    def __init__(self, model: str, to: str, name: str, store: Store, task: SharedTask) -> None:
        self._model = model
        self._to = to
        self._name = name
        self._store = store
        self._task = task

    def run(self) -> Manifest:
        """Makes the model, unless the installed one was made from the same source by the same converter.

        Raises:
            HushdError: `model_missing` if the source is not installed; `engine_missing` if the converter's packages are
                missing; `input_unreadable` if the source is not a model; `bad_request`, `output_failed`, `server_busy`.
        """
        added = user_models.configured(self._store.paths.config)
        row = inventory.row(self._store, self._model, added)
        if row.folder is None or not row.usable:
            raise advice.missing(row.model, added) if row.state == "absent" else _broken(row)
        made = target(row.model, self._to, self._name)
        with self._store.lock(made, wait=False) as ours:
            if not ours:
                raise HushdError("server_busy", f"Another program is working on {made}; try again later.", 5000)
            plan = self._plan(row, row.folder, made)
            if manifest := self._current(plan):
                self._task.total = self._task.done
                return manifest
            return self._make(plan, row)

    def _plan(self, row: Row, folder: Path, made: str) -> _Plan:
        able = makes()[row.engine]
        package = able.package
        version = _version(package)
        if version is None or (package == "onnxruntime" and _version("onnx") is None):
            lacking = package if version is None else "onnx"
            how = package_command(able.requirement) if able.requirement else extra_command(able.extra)
            raise HushdError("engine_missing", f"Making {made} requires {lacking}, which is not installed: {how}.")
        files = {name: folder / name for name in row.files}
        self._task.total = 2 * sum(path.stat().st_size for path in files.values())
        self._task.note(f"reading {row.model}")
        hashes = {name: self._task.hash(path) for name, path in files.items()}
        described = {name: File(path.stat().st_size, hashes[name]) for name, path in files.items()}
        digest = Manifest("", "", "", Source("file", ""), described, ".").digest
        source = Source("conversion", row.model, self._to, digest)
        return _Plan(row.model, made, self._to, source, files, f"hushd {__version__}, {package} {version}")

    def _current(self, plan: _Plan) -> Manifest | None:
        """Returns the manifest of an earlier run, if nothing has changed since.

        Raises:
            HushdError: `bad_request` if another model has that name.
        """
        try:
            manifest = self._store.find(plan.made)
        except HushdError:
            return None  # its manifest is damaged: it will be replaced
        begun = self._store.begun(plan.made) is not None
        if manifest is None:
            place = self._store.place(plan.made)
            target = place.with_name(f"{place.name}.onnx") if is_flat(plan.made) else place
            if target.exists() and not begun:
                raise _taken(plan.made)
            return None
        if manifest.source.kind != "conversion":
            raise _taken(plan.made)
        same = (manifest.source, manifest.converter) == (plan.source, plan.converter)
        return manifest if same and not verification.verify(self._store, manifest, anew=False) else None

    def _make(self, plan: _Plan, row: Row) -> Manifest:
        engine, name = split(plan.made)
        spec = spec_of(plan.made)
        size, able = sum(path.stat().st_size for path in plan.files.values()), makes()[plan.model.partition("/")[0]]
        room = int((able.room if able.module else able.room + 1) * size)  # graphs are copied first
        work = self._store.begin(plan.made, plan.source)
        check_room(room, work.parent, f"Making {plan.made} takes up to {readable(room)}")
        _check_memory(plan.made, _PROGRAM + int(able.memory * size))
        for leftover in work.iterdir():  # of a killed run
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
        self._task.note(f"making {plan.made} from {plan.model}")
        files = self._convert(plan, work / "made")
        self._task.note("checking")
        self._task.done = self._task.total
        hashes = {name: self._task.hash(path, counted=False) for name, path in files.items()}
        manifest = Manifest(
            engine=engine,
            name=name,
            role=spec.role,
            source=plan.source,
            files={name: File(path.stat().st_size, hashes[name]) for name, path in files.items()},
            location=".",
            format=f"{spec.format}-{plan.to}",
            converter=plan.converter,
            licence=row.licence,
        )
        return settle(self._store, manifest, files, work)

    def _convert(self, plan: _Plan, folder: Path) -> dict[str, Path]:
        """Makes the files in `folder`; returns their paths by their final names."""
        python = [sys.executable, "-P", "-m"]
        if module := makes()[plan.model.partition("/")[0]].module:
            (checkpoint,) = plan.files.values()
            convert = [module, "--quantization", plan.to, "--progress", "--name", checkpoint.stem]
            _run([*python, *convert, str(checkpoint), str(folder)], self._task)
            return {path.name: path for path in folder.iterdir()}
        folder.mkdir()
        if is_int8(plan.files):
            raise HushdError("bad_request", f"All graphs of {plan.model} are int8 already: use that model.")
        graphs = {name: plan.files[name] for name in _larger(plan.files)}
        pairs = [(path, folder / f"{number}.onnx") for number, path in enumerate(graphs.values())]
        _run([*python, "hushd_worker_models.graphs", *(str(path) for pair in pairs for path in pair)], self._task)
        smaller = dict(zip(graphs, (made for _, made in pairs), strict=True))
        return self._named(plan, smaller)

    def _named(self, plan: _Plan, smaller: Mapping[str, Path]) -> dict[str, Path]:
        """Returns the graphs by the names that their engine expects, and the files that belong to them."""
        engine, own = split(plan.model)
        new = plan.made.partition("/")[2]
        chosen = (makes()[engine].files or _beside)(own, new, plan.to, list(smaller), list(plan.files))
        first = next(iter(smaller))
        if lacking := [name for name in chosen.values() if name not in plan.files]:
            raise HushdError("input_unreadable", f"{plan.files[first]} lacks its description, {lacking[0]}.")
        return {
            name: smaller[source] if source in smaller else self._copied(plan.files[source], smaller[first].parent)
            for name, source in chosen.items()
        }

    def _copied(self, path: Path, folder: Path) -> Path:
        copy = folder / f"copy-{len(list(folder.iterdir()))}"
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise unwritable(copy, error) from error
        return copy


def _beside(own: str, new: str, precision: str, graphs: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """Returns the files of a model in a folder: graphs named with their precision, and all other files, except those of
    a flat engine."""
    named = {f"{name.removesuffix('.onnx')}.{precision}.onnx": name for name in graphs}
    last = {name: name.rpartition("/")[2] for name in files}
    return named | {name: name for name in files if not (".onnx" in last[name] or last[name].startswith(f"{own}."))}


def _check_memory(made: str, need: int) -> None:
    """Raises `server_busy` if there is not enough free memory for the conversion, which needs `need` bytes."""
    if need > (free := footprint.machine(Cgroup.own()).available):
        raise HushdError(
            "server_busy",
            f"Making {made} takes about {readable(need)} of memory, and {readable(free)} are free: `hushd unload` ends "
            "idle workers.",
            60_000,
        )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _taken(model: str) -> HushdError:
    return HushdError(
        "bad_request",
        f"There is another model {model}, which was not made from this one: choose another --name.",
    )


def _broken(row: Row) -> HushdError:
    why = row.problem or {"half": "its download is incomplete"}.get(row.state, "it has no files")
    return HushdError(
        "model_missing", f"{row.model} cannot be converted, since {why}: `hushd models pull {row.model}`."
    )


# --- the programs ---


def _run(command: Sequence[str], task: SharedTask) -> None:
    """Runs `command` to its end, reporting its progress to `task`.

    Raises:
        HushdError: the error that the program reported; `worker_failed` if it failed without reporting one.
        Stopped: no job waits any more; the program has been ended.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            error = _read_reports(process.stdout.fileno(), task)
        except BaseException:
            process.kill()
            raise
    if error is not None:
        raise error
    if process.returncode == -9:
        raise HushdError("worker_failed", "The conversion was killed: perhaps there was too little memory for it.")
    if process.returncode:
        raise HushdError("worker_failed", "The conversion failed: `hushd logs models/store/local` shows why.")


def _read_reports(descriptor: int, task: SharedTask) -> HushdError | None:
    """Reads until the program has closed its output; returns the error that it has reported."""
    error, rest, reported = None, b"", 0
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            task.wait()
            if not selector.select(_LOOK_S):
                continue
            data = os.read(descriptor, _MAX_LINE)
            if not data:
                return error
            *lines, rest = (rest + data[-_MAX_LINE:]).split(b"\n")
            for line in lines:
                try:
                    message = json.loads(line)
                except (ValueError, RecursionError):
                    continue  # a library's output
                if not isinstance(message, dict):
                    continue
                if "error" in message:
                    error = HushdError(str(message["error"]), str(message.get("message", "")))
                elif "note" in message:
                    task.note(str(message["note"]))
                elif message.get("total"):
                    # The program's progress is the second half of all: hashing the source was the first.
                    done = int(message["done"] / message["total"] * task.total / 2)
                    task.add(done - reported)
                    reported = done
