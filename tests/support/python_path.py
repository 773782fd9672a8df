"""The variable PYTHONPATH of a program that takes modules from the tests' folders."""

from __future__ import annotations

import os
from pathlib import Path


def first(*folders: Path) -> str:
    """Returns these folders and those that this process has: one may be a copy of a package with a planted fault."""
    return os.pathsep.join(filter(None, (*map(str, folders), os.environ.get("PYTHONPATH"))))
