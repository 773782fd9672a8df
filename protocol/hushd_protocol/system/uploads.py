"""Recordings on their way from a program to a worker: files with a name, which a killed gateway cannot remove.

A lock, held for as long as the recording is needed, tells a living gateway's file from a dead one's. The supervisor
removes those of a gateway that was killed, and the next gateway what a killed supervisor has left too.
"""

from __future__ import annotations

import fcntl
import os
import tempfile

from .atomic_file import lock, remove_if_dead

PREFIX = "hushd-upload-"


def create() -> tuple[int, str]:
    """Makes an empty file; returns its descriptor, which has its lock as long as it or a copy is open, and its path.

    Raises:
        OSError: there is no room, or no descriptor.
    """
    while True:
        descriptor, path = tempfile.mkstemp(prefix=PREFIX)
        lock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return descriptor, path
        os.close(descriptor)  # swept before it was locked


def sweep() -> None:
    """Removes this user's files that no process needs any more."""
    folder = tempfile.gettempdir()
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(PREFIX):
            remove_if_dead(os.path.join(folder, name))
