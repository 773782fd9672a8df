"""Adds the manual pages to a wheel while it is built, made from its own commands; editable installations have none."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface):  # type: ignore[type-arg]
    """The build hook named in pyproject.toml. pipx and package managers look in share/man."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self._scratch = tempfile.TemporaryDirectory(prefix="hushd-man-")
        pages, metadata = Path(self._scratch.name, "man"), Path(self._scratch.name, "hushd.dist-info")
        pages.mkdir()
        metadata.mkdir()  # hushd is not installed yet, and some commands are found by their entry points
        points = self.metadata.core.entry_points["hushd.commands"]
        lines = ["[hushd.commands]", *(f"{name} = {target}" for name, target in points.items())]
        (metadata / "entry_points.txt").write_text("\n".join(lines))
        folders = [Path(self.root, folder) for folder in self.metadata.hatch.config["build"]["dev-mode-dirs"]]
        before = filter(None, [os.environ.get("PYTHONPATH")])  # by which pip's builds find what hushd needs
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(metadata.parent), *map(str, folders), *before])}
        command = [sys.executable, str(Path(self.root, "lab/release/manual.py")), str(pages)]
        subprocess.run(command, env=environment, check=True, timeout=60)
        build_data["shared_data"][str(pages)] = "share/man/man1"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._scratch.cleanup()
