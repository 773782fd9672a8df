"""The memory that a worker may need before its first life: by its model's files, else as the catalogue has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hushd_protocol.names import ENGINE_ROLES


class Estimate:
    """Looks into the models folder and into the specs of engines, which are not loaded before somebody asks.

    Args:
        models: the models folder.
    """

    def __init__(self, models: Path) -> None:
        self._models = models

    def __call__(self, name: str) -> int:
        """Returns bytes of private memory for worker `name` (ROLE/ENGINE/MODEL), 0 where nothing is known of it."""
        from hushd_schema import engines  # 0.3 MB and some milliseconds

        role, engine, model = name.split("/", 2)
        spec = engines.find(engine, role) if role in ENGINE_ROLES else None
        if spec is None:
            return 0
        sizes = dict(self._files(engine, model, flat=spec.flat)) if spec.memory_mb else {}
        if spec.memory_mb and sizes:
            return int(1e6 * spec.memory_mb(sizes))
        named = (known for key, known in spec.models.items() if model == key or model in known.get("aliases", ()))
        return int(1e6 * next((known.get("memory_mb", 0) for known in named), 0))

    def _files(self, engine: str, model: str, *, flat: bool) -> Iterator[tuple[str, int]]:
        """Yields the model's files in the models folder with their sizes; none of a model that lies elsewhere."""
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


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []
