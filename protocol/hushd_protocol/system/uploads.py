"""Recordings on their way from a program to a worker: named files, which a killed gateway cannot remove.

A lock, held for as long as the recording is needed, tells a living gateway's file from a dead one's. The supervisor
removes the files of a killed gateway, and the next supervisor with a door those of a killed supervisor.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time

from hushd_protocol.errors import HushdError

from . import atomic_file
from .atomic_file import lock

PREFIX = "hushd-upload-"
SCHEME = "upload:"  # prefix of such a file's name, as agents name it
PIPE, HOST = "x-hushd-pipe", "x-hushd-host"  # headers by which `hushd mcp` names its session, and tells of its host
LOCAL = "x-hushd-local"  # header by which the gateway tells the process for agents that a request may name any file
_VARIABLES = ("TMPDIR", "TEMP", "TMP")  # variables that name the folder, as `tempfile` reads them


def create() -> tuple[int, str]:
    """Makes an empty file; returns its descriptor, which holds its lock while it or a copy is open, and its path.
    Raises OSError if there is no room, or no free descriptor."""
    while True:
        descriptor, path = tempfile.mkstemp(prefix=PREFIX)
        lock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return descriptor, path
        os.close(descriptor)  # swept before it was locked


def leave(path: str, seconds: float) -> None:
    """Has a file stay for so long after the end of its lock, and of its process. Raises OSError."""
    os.utime(path, (now := time.time(), now + seconds))


def sweep() -> None:
    """Removes this user's files that no process needs any more, and those that were left for long enough."""
    atomic_file.sweep(folder(), PREFIX, "")


def folder() -> str:
    """Returns the folder of temporary files, about as `tempfile` finds it."""
    return next(filter(None, map(os.environ.get, _VARIABLES)), "/tmp")


def settle() -> None:
    """Has `tempfile` take this folder: it would try it by a file at its first use, which a kill at that moment leaves.
    One that cannot be written is left to it, which looks for another."""
    if os.access(folder(), os.W_OK | os.X_OK):
        tempfile.tempdir = os.path.abspath(folder())


def failure(error: OSError) -> HushdError:
    """Returns `server_busy` if too many files are open, which passes by itself; else `output_failed`."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HushdError(
            "server_busy", "The recording cannot be stored, since too many files are open: ask again in a moment."
        )
    return HushdError(
        "output_failed", f"The recording cannot be stored ({error.strerror}): make room in the temporary folder."
    )
