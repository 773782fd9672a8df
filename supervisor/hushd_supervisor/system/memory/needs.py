"""The memory that workers need: learnt from earlier ones, and estimated from the files of those that never ran."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models import catalogue, weights
from hushd_models.store import Store
from hushd_protocol import buggify
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES, base
from hushd_protocol.system import atomic_file, best_effort, paths
from hushd_protocol.system.own_modules import Replaced
from hushd_schema import engines

from hushd_supervisor.core.actions import Action, Remember
from hushd_supervisor.core.memory.needs import Estimated

from ..source import REFUSALS, Perform, Source

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

    def load(self, most: int) -> dict[str, int]:
        """Returns the valid entries of the file: of the machine's memory no worker has taken more than `most`."""
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
            if name.count("/") == 2 and type(size) is int and _plausible(name.partition("@")[2], size, most)
        }

    def save(self, needs: Mapping[str, int]) -> None:
        """Replaces the file as a whole."""
        if buggify("needs are not written"):
            return
        with best_effort.writing(self._path):
            atomic_file.replace(self._path, json.dumps(dict(needs), indent=1, sort_keys=True) + "\n", mode=0o600)


def _plausible(device: str, size: int, most: int) -> bool:
    """Returns whether a size may have been learnt, on a `device` as `core.memory.needs` names it."""
    on_card = bool(device) and not device.startswith("cuda")
    return (size > 0 or bool(device)) and size <= (1 << 50 if on_card else most)


class Estimate:
    """Estimates by the models folder, Hugging Face's cache and the engines' specs."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def __call__(self, name: str) -> Estimated:
        """Returns the estimate for worker `name` (ROLE/ENGINE/MODEL), an empty one where the system refuses a look."""
        try:
            return self._estimate(name)
        except (*REFUSALS, Replaced):  # Replaced: it needs a module that is now of another version
            return Estimated()

    def elsewhere(self, name: str) -> int:
        """Returns the bytes that a server may take in a container, as its file says: nobody measures them here."""
        try:
            role, engine, model = base(name).split("/", 2)
            spec = engines.find(engine, role) if role in ENGINE_ROLES else None
            return _stated(spec.need, model).memory if spec and spec.need else 0
        except (*REFUSALS, Replaced):
            return 0

    def _estimate(self, name: str) -> Estimated:
        role, engine, model = name.split("/", 2)
        spec = engines.find(engine, role) if role in ENGINE_ROLES else None
        if spec is None:
            return Estimated()
        if spec.need:
            return _stated(spec.need, model)
        entry = catalogue.find(f"{engine}/{model}")
        sizes: Sizes = {}
        if spec.memory_mb:
            sizes = _own(self._models / engine, model, spec.flat) or self._kept(f"{engine}/{model}")
        return _estimated(spec, sizes, entry)

    def _kept(self, model: str) -> Sizes:
        """Returns the sizes of the files of a model that hushd has pulled, or that is in Hugging Face's cache."""
        store = Store(replace(paths.find(), models=self._models))
        return next((sizes for _, sizes in weights.kept(model, store)), {})


def _own(folder: Path, model: str, flat: bool) -> Sizes:
    """Returns the sizes of the files of a user's own model in the folder of its engine."""
    files = weights.files_in(folder, deep=False) if flat else weights.files_in(folder / model)
    own = ((name, size) for name, size in files.items() if name.startswith(f"{model}." if flat else ""))
    return {name.rpartition("/")[2]: size for name, size in own if not name.endswith(".json")}


def _stated(need: Callable[[str], tuple[float, float]], model: str) -> Estimated:
    """Returns what the engine's spec says of a model's need, such as that in a speech server's file."""
    try:
        memory, card = (int(1e6 * size_mb) for size_mb in need(model))
    except HushdError:
        return Estimated()  # its worker reports it
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
