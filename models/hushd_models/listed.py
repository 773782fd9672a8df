"""The file of engines' catalogues that the supervisor's door writes for its gateway.

Listing the engines takes 0.3 s or more. With the file, a gateway that is started for one request need not list them
again, and offers exactly the models that the polls have listed.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, best_effort
from hushd_schema.description import Descriptions


def save(path: Path, catalogues: Descriptions) -> None:
    """Replaces the file by `catalogues`; if that fails, there is no file."""
    try:
        atomic_file.replace(path, json.dumps(catalogues.data(), ensure_ascii=False), mode=0o600)
    except OSError as error:
        best_effort.failed(path, error)
        with best_effort.writing(path):
            path.unlink(missing_ok=True)


def load(path: Path) -> Descriptions:
    """Returns the catalogues; empty ones if there is no file."""
    try:
        return _load(path, os.stat(path).st_mtime_ns)
    except (OSError, ValueError, HushdError):
        return Descriptions.from_data({})


@functools.lru_cache(maxsize=1)
def _load(path: Path, _: int) -> Descriptions:
    return Descriptions.from_data(json.loads(path.read_bytes()))
