"""The lists of engines that the supervisor's door answers polls with, in a file for its gateway.

Listing the engines takes 0.3 s and more. A gateway that was started for one request need not do it again, and offers
exactly what the polls have promised.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hushd_protocol.system import atomic_file


def save(path: Path, catalogues: Mapping[str, Mapping[str, Any]]) -> None:
    """Replaces the file by the catalogues of these roles; without room for it there is none."""
    try:
        atomic_file.replace(path, json.dumps(catalogues, ensure_ascii=False), mode=0o600)
    except OSError:
        path.unlink(missing_ok=True)


def load(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Returns the catalogues by role; none where there is no file."""
    try:
        return _load(path, os.stat(path).st_mtime_ns)
    except (OSError, ValueError):
        return {}


@functools.lru_cache(maxsize=1)
def _load(path: Path, _: int) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = json.loads(path.read_bytes())
    return found
