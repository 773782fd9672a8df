"""The memory that workers need: learnt from earlier ones, and estimated from the files of those that never ran."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol import buggify
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.system import atomic_file, best_effort
from hushd_protocol.system.own_modules import Replaced

from hushd_supervisor.core.actions import Action, Remember
from hushd_supervisor.core.memory.needs import Estimated

from ..source import Perform, Source

if TYPE_CHECKING:
    from hushd_models.catalogue import Known
    from hushd_schema.engines import EngineSpec, Sizes

LIMIT_BYTES = 1_000_000


class Needs(Source):
    """The file `path`: a JSON object of bytes by the keys of `core.memory.needs`.
    It only replaces a guess, so missing or broken files and full disks are ignored."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Remember: lambda action: self.save(action.needs)}

    def load(self) -> dict[str, int]:
        """Returns the valid entries of the file."""
        try:
            with open(self._path, "rb") as file:
                table = json.loads(file.read(LIMIT_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(table, dict):
            return {}
        return {
            name: size
            for name, size in table.items()
            if name.count("/") == 2 and type(size) is int and (0 < size < 1 << 62 or (size == 0 and "@" in name))
        }

    def save(self, needs: Mapping[str, int]) -> None:
        """Replaces the file as a whole."""
        if buggify("needs are not written"):
            return
        with best_effort.writing(self._path):
            atomic_file.replace(self._path, json.dumps(dict(needs), indent=1, sort_keys=True) + "\n", mode=0o600)


class Estimate:
    """Estimates by the models folder, Hugging Face's cache and the engines' specs, loaded on the first call."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def __call__(self, name: str) -> Estimated:
        """Returns the estimate for worker `name` (ROLE/ENGINE/MODEL)."""
        from hushd_models import catalogue  # 0.5 MB and some milliseconds, with the specs
        from hushd_schema import engines

        role, engine, model = name.split("/", 2)
        if engine == "server":
            return _of_server(model)
        spec = engines.find(engine, role) if role in ENGINE_ROLES else None
        if spec is None:
            return Estimated()
        entry = catalogue.find(f"{engine}/{model}")
        sizes: Sizes = {}
        if spec.memory_mb:
            sizes = dict(self._files(engine, model, flat=spec.flat)) or self._pulled(engine, model) or _in_hub(entry)
        try:
            return _estimated(spec, sizes, entry)
        except Replaced:
            return Estimated()  # it needs a module that is now of another version

    def _files(self, engine: str, model: str, *, flat: bool) -> Iterator[tuple[str, int]]:
        """Yields the model's files in the models folder with their sizes."""
        engine_folder = self._models / engine
        prefix = f"{model}." if flat else ""
        for folder in (engine_folder,) if flat else (engine_folder / model, *_folders(engine_folder / model)):
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.startswith(prefix) and entry.is_file() and not entry.name.endswith(".json"):
                            yield entry.name, entry.stat().st_size
            except OSError:
                continue  # the folder is missing, or was just removed

    def _pulled(self, engine: str, model: str) -> dict[str, int]:
        """Returns the file sizes in the manifest of a model that hushd has pulled, wherever its files are."""
        try:
            files = json.loads((self._models / engine / f"{model}.hushd.json").read_bytes())["files"]
            return {name: int(file["size"]) for name, file in files.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return {}  # there is no manifest, or it is broken, which the worker reports


def _of_server(name: str) -> Estimated:
    """Returns the estimate in a speech server's file."""
    from hushd_models import server_files

    try:
        server = server_files.read(name)
    except HushdError:
        return Estimated()  # which its worker reports
    memory, card = int(1e6 * server.memory_mb), int(1e6 * server.vram_mb)
    return Estimated(memory, memory if card else 0, card)


def _estimated(spec: EngineSpec, sizes: Sizes, entry: Known | None) -> Estimated:
    """Returns the estimate by a model's files, or else by its catalogue entry."""
    if sizes and spec.memory_mb:
        memory_mb = spec.memory_mb(sizes)
    elif entry:
        memory_mb, sizes = entry.memory_mb, {"": int(1e6 * entry.size_mb)}
    else:
        return Estimated()
    machine_mb, card_mb = spec.on_card_mb(sizes) if spec.on_card_mb else (0.0, 0.0)
    return Estimated(int(1e6 * memory_mb), int(1e6 * machine_mb), int(1e6 * card_mb))


def _in_hub(entry: Known | None) -> dict[str, int]:
    """Returns the sizes of a model's files in Hugging Face's cache; none if files are missing there."""
    if entry is None or not entry.repository:
        return {}
    from hushd_models import hf_cache  # 0.2 MB

    if not (snapshot := hf_cache.snapshot(entry.repository, entry.revision)):
        return {}
    sizes = {}
    for folder, _, names in os.walk(snapshot):
        for name in names:
            path = os.path.join(folder, name)
            with suppress(OSError):  # a dangling link
                sizes[os.path.relpath(path, snapshot)] = os.stat(path).st_size
    return {name: sizes[name] for name in entry.choose(sizes) or ()}


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []
