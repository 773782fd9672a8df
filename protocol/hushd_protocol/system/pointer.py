"""The pointer to a user's supervisor, for programs whose environment names no session folder.

Agent hosts cut the environment down to HOME, PATH and the like. Without XDG_RUNTIME_DIR a program would look
for the supervisor in another folder, find none, and start a second one. So the supervisor puts a link to its runtime
folder into the state folder, which is found from HOME alone, and removes it when it leaves.

A program with a session folder never follows it: it may be a test suite in a sandbox, while the link leads to the
user's own supervisor. Programs that follow it use that supervisor, and never change or end it (`refuse_borrowed`).

The link may lead to the folder of a supervisor that has ended, of another machine with the same home, or of a
container. So it only counts if it belongs to the user and leads to a folder that only the user can enter; clients
follow it to a socket that answers, supervisors to a lock that is held.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .paths import Paths, find, is_private, session_folder


def follow(paths: Paths) -> Paths | None:
    """Returns `paths` with the runtime folder that the pointer leads to, for a program that follows it.
    Returns None if that is the same folder, or not safe."""
    return target(paths) if paths.follows else None


def target(paths: Paths) -> Paths | None:
    """Like `follow`, even if this environment does not follow the pointer."""
    if paths.pointer is None:
        return None
    try:
        folder = Path(os.readlink(paths.pointer))
        is_ours = folder.is_absolute() and os.lstat(paths.pointer).st_uid == os.getuid() and is_private(folder)
        return replace(paths, runtime=folder) if is_ours and folder != paths.runtime else None
    except OSError:
        return None


def publish(paths: Paths) -> None:
    """Makes the pointer lead to `paths.runtime`. Raises OSError if the state folder cannot be written."""
    assert paths.pointer is not None
    fresh = paths.pointer.with_name(f".{paths.pointer.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(paths.runtime)
    os.replace(fresh, paths.pointer)


def withdraw(paths: Paths) -> None:
    """Removes the pointer if it leads to `paths.runtime`. Raises OSError if the state folder cannot be written."""
    if paths.pointer and os.path.islink(paths.pointer) and Path(os.readlink(paths.pointer)) == paths.runtime:
        paths.pointer.unlink()


def in_session(paths: Paths) -> bool:
    """Returns whether the runtime folder is in a session folder, not in the temp folder."""
    return paths.runtime.name == "hushd"


def find_session_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """The runtime folder of the user's session, where PulseAudio and PipeWire have their sockets.
    If the environment does not name it, a supervisor's pointer may."""
    env = os.environ if environ is None else environ
    if folder := session_folder(env):
        return folder
    paths = follow(find(env))
    if paths is None or not in_session(paths) or not is_private(paths.runtime.parent):
        return None
    return paths.runtime.parent
