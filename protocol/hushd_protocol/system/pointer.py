"""The pointer to a user's supervisor, for programs whose environment has no folder of the session.

The hosts of agents cut the environment down to HOME, PATH and the like. Without XDG_RUNTIME_DIR a program would look
for the supervisor in another folder, find none, and start a second one. So the supervisor leaves a link to its
runtime folder in the state folder, which is found from HOME alone, and takes it away when it leaves.

A program that has a session folder never follows: it may be a test suite in a sandbox, and the supervisor at the end of
the link the user's own. Those who follow use that supervisor, and never change or end it (`Connector`).

Anything may be at the end of it: the folder of a supervisor that has ended, of another machine with the same home, of a
container. So a link counts only where it is the user's own and leads to a folder that only the user can enter; clients
follow it to a socket that answers, supervisors to a lock that is held.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from hushd_protocol.light_dataclass import replace

from .paths import Paths, find, session_folder


def follow(paths: Paths) -> Paths | None:
    """`paths` with the runtime folder at the end of the pointer, for a program that follows it.

    None where that is the same folder, or not safe.
    """
    return target(paths) if paths.follows else None


def target(paths: Paths) -> Paths | None:
    """As `follow`, whether or not this environment follows."""
    if paths.pointer is None:
        return None
    try:
        folder = Path(os.readlink(paths.pointer))
        ours = folder.is_absolute() and os.lstat(paths.pointer).st_uid == os.getuid() and _is_private(folder)
        return replace(paths, runtime=folder) if ours and folder != paths.runtime else None
    except OSError:
        return None


def publish(paths: Paths) -> None:
    """Makes the pointer lead to `paths.runtime`.

    Raises:
        OSError: the state folder cannot be written.
    """
    assert paths.pointer is not None
    fresh = paths.pointer.with_name(f".{paths.pointer.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(paths.runtime)
    os.replace(fresh, paths.pointer)


def withdraw(paths: Paths) -> None:
    """Takes the pointer away if it leads to `paths.runtime`.

    Raises:
        OSError: the state folder cannot be written.
    """
    if paths.pointer and os.path.islink(paths.pointer) and Path(os.readlink(paths.pointer)) == paths.runtime:
        paths.pointer.unlink()


def in_session(paths: Paths) -> bool:
    """Returns whether the runtime folder is in a session's, and not in the temp folder."""
    return paths.runtime.name == "hushd"


def find_session_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """The runtime folder of the user's session, where PulseAudio and PipeWire have their sockets.

    Where the environment does not lead to it, the pointer of a supervisor does.
    """
    env = os.environ if environ is None else environ
    if folder := session_folder(env):
        return folder
    other = follow(find(env))
    if other is None or not in_session(other) or not _is_private(other.runtime.parent):
        return None
    return other.runtime.parent


def _is_private(folder: Path) -> bool:
    """Returns whether a path is a folder of ours, not a link, that no other user can enter."""
    info = os.lstat(folder)
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and not info.st_mode & 0o077
