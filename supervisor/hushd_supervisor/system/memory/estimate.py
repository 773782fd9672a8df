"""The memory that a worker may need before its first life: by its model's files, else as the catalogue has it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.system.own_modules import Replaced

from hushd_supervisor.core.memory.needs import Estimated

if TYPE_CHECKING:
    from hushd_models.catalogue import Known
    from hushd_schema.engines import EngineSpec, Sizes


class Estimate:
    """Looks into the models folder, Hugging Face's cache and the specs of engines, which are not loaded before somebody
    asks.

    Args:
        models: the models folder.
    """

    def __init__(self, models: Path) -> None:
        self._models = models

    def __call__(self, name: str) -> Estimated:
        """Returns the estimate for worker `name` (ROLE/ENGINE/MODEL)."""
        from hushd_models import catalogue  # 0.5 MB with the specs, and some milliseconds
        from hushd_schema import engines

        role, engine, model = name.split("/", 2)
        spec = engines.find(engine, role) if role in ENGINE_ROLES else None
        if spec is None:
            return Estimated()
        known = catalogue.find(f"{engine}/{model}")
        sizes: Sizes = {}
        if spec.memory_mb:
            sizes = dict(self._files(engine, model, flat=spec.flat)) or self._pulled(engine, model) or _in_hub(known)
        try:
            return _estimated(spec, sizes, known)
        except Replaced:
            return Estimated()  # it would take a module of another version

    def _files(self, engine: str, model: str, *, flat: bool) -> Iterator[tuple[str, int]]:
        """Yields the model's files in the models folder with their sizes."""
        place = self._models / engine
        prefix = f"{model}." if flat else ""
        for folder in (place,) if flat else (place / model, *_folders(place / model)):
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.startswith(prefix) and entry.is_file() and not entry.name.endswith(".json"):
                            yield entry.name, entry.stat().st_size
            except OSError:
                continue  # it is not there, or went away meanwhile

    def _pulled(self, engine: str, model: str) -> dict[str, int]:
        """The sizes of a model that hushd has brought, wherever it lies: its manifest has them."""
        try:
            files = json.loads((self._models / engine / f"{model}.hushd.json").read_bytes())["files"]
            return {name: int(file["size"]) for name, file in files.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return {}  # there is none, or a worker reports what is wrong with it


def _estimated(spec: EngineSpec, sizes: Sizes, known: Known | None) -> Estimated:
    """The estimate by a model's files, else by what the catalogue knows of it."""
    if sizes and spec.memory_mb:
        memory_mb = spec.memory_mb(sizes)
    elif known:
        memory_mb, sizes = known.memory_mb, {"": int(1e6 * known.size_mb)}
    else:
        return Estimated()
    machine_mb, card_mb = spec.on_card_mb(sizes) if spec.on_card_mb else (0.0, 0.0)
    return Estimated(int(1e6 * memory_mb), int(1e6 * machine_mb), int(1e6 * card_mb))


def _in_hub(known: Known | None) -> dict[str, int]:
    """The sizes of a model's files in Hugging Face's cache, whoever has brought them; none where it is not whole."""
    if known is None or not known.repository:
        return {}
    from hushd_models import hf_cache  # 0.2 MB

    if not (snapshot := hf_cache.snapshot(known.repository, known.revision)):
        return {}
    sizes = {}
    for folder, _, names in os.walk(snapshot):
        for name in names:
            path = os.path.join(folder, name)
            with suppress(OSError):  # a link whose file is gone
                sizes[os.path.relpath(path, snapshot)] = os.stat(path).st_size
    return {name: sizes[name] for name in known.choose(sizes) or ()}


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []
