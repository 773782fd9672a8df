"""Whether a model's files are still what they were when hushd brought them: by SHA-256, and only once per change.

`verified.json` in the state folder remembers of each file that was right its size, time of change and inode.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import HushdError
from .manifest import Manifest
from .store import Store, replace

if TYPE_CHECKING:
    from .paths import Paths

_BLOCK = 1 << 20  # bytes read at once


def _nothing(done: int) -> None:
    """Nobody asks how far it is."""


def sha256(path: Path, report: Callable[[int], None] = _nothing) -> str:
    """The SHA-256 of a file, in hexadecimal; `report` is told after each MB how many bytes are done.

    Raises:
        OSError: it cannot be read.
    """
    import hashlib

    digest, done = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            report(done)
    return digest.hexdigest()
