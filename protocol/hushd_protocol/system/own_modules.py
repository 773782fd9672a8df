"""Our modules in a process that outlives them: an upgrade replaces their files, and most are imported only when needed.

A module of the next version among those of this one fails where nobody expects it, or seems to work. So a process whose
files were replaced refuses every further one of ours. What it may need for work that runs, it has imported before.
"""

from __future__ import annotations

import os
import sys

import hushd_protocol
from hushd_protocol.errors import HushdError


class Replaced(HushdError):
    """One of our modules was to be imported, and is of another installation than this process."""

    def __init__(self) -> None:
        super().__init__(
            "version_mismatch",
            "hushd was updated while this program ran: start it again; for the supervisor, run `hushd restart`.",
        )


class _Guard:
    """A finder that finds no module, and raises `Replaced` in place of looking for one of ours."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.startswith("hushd") and replaced():
            raise Replaced


def guard() -> None:
    """Has this process refuse our modules once their files are replaced. For our own programs alone."""
    sys.meta_path.insert(0, _Guard())


def replaced() -> bool:
    """Returns whether our files are others than at the start of this process, or are just being replaced."""
    return _stamp() != _BEGUN


def _stamp() -> tuple[int, int] | None:
    """Tells one installation from the next; None where there is none."""
    try:
        info = os.stat(hushd_protocol.__file__)
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns


_BEGUN = _stamp()
