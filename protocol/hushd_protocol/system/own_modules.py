"""Guards a process against an upgrade: our modules' files are replaced, and some are imported only when needed.

A module of the next version among modules of this one fails unexpectedly, or only seems to work. So a process whose
files were replaced refuses to import any more of our modules. It has already imported whatever its running work may
need.
"""

from __future__ import annotations

import os
import sys

import hushd_protocol
from hushd_protocol.errors import HushdError


class Replaced(HushdError):
    """Raised instead of importing one of our modules from another installation than this process's."""

    def __init__(self) -> None:
        super().__init__(
            "version_mismatch",
            "hushd was updated while this program ran: run `hushd restart`, then start it again.",
        )


class _Guard:
    """An import finder that finds nothing, and raises `Replaced` when one of our modules is imported."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.startswith("hushd") and replaced():
            raise Replaced


def guard() -> None:
    """Makes this process refuse our modules once their files are replaced. Only for our own programs."""
    sys.meta_path.insert(0, _Guard())


def replaced() -> bool:
    """Returns whether our files have changed since the start of this process, or are being replaced."""
    return _stamp() != _BEGUN


def _stamp() -> tuple[int, int] | None:
    """Identifies an installation; None if there is none."""
    try:
        info = os.stat(hushd_protocol.__file__)
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns


_BEGUN = _stamp()
