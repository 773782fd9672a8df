"""Reads the files of kazoos, for the spec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_schema.engines.model_files import content


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(content(folder / files[0])["languages"])
