"""Reads the files of kazoos, for the spec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_schema.engines import Files, NoModel, NotAlike
from hushd_schema.engines.model_files import content, described


def look(path: Path, name: str) -> Files:
    if path.suffix != ".kazoo":
        raise NotAlike("it is no kazoo")
    if "reeds" not in described(path):
        raise NoModel(f"{path.name} has no reeds")
    return {f"{name}.kazoo": path}


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(content(folder / files[0])["languages"])
