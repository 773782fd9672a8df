"""Recordings on their way from a program to a worker: files with a name, which a killed gateway cannot remove.

A lock, held for as long as the recording is needed, tells a living gateway's file from a dead one's. The supervisor
removes those of a gateway that was killed, and the next supervisor with a door what a killed one has left too.
"""

from __future__ import annotations

import fcntl
import os

from .atomic_file import lock, remove_if_dead

PREFIX = "hushd-upload-"
_VARIABLES = ("TMPDIR", "TEMP", "TMP")  # that name the folder, as `tempfile` reads them


def create() -> tuple[int, str]:
    """Makes an empty file; returns its descriptor, which has its lock as long as it or a copy is open, and its path.

    Raises:
        OSError: there is no room, or no descriptor.
    """
    import tempfile  # not for the supervisor, which only sweeps

    while True:
        descriptor, path = tempfile.mkstemp(prefix=PREFIX)
        lock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return descriptor, path
        os.close(descriptor)  # swept before it was locked


def sweep() -> None:
    """Removes this user's files that no process needs any more."""
    folder = next(filter(None, map(os.environ.get, _VARIABLES)), "/tmp")
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(PREFIX):
            remove_if_dead(os.path.join(folder, name))
