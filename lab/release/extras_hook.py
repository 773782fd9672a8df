"""Adds an extra for each plugin whose folder is here, which brings it: `rm -r plugins/NAME` needs no other edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Extras(MetadataHookInterface):
    """The metadata hook named in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        plugins = sorted(path.parent.name for path in Path(self.root).glob("plugins/*/pyproject.toml"))
        brought = {name: [f"hushd-{name}=={metadata['version']}"] for name in plugins}
        metadata["optional-dependencies"] = {**self.config["extras"], **brought}
