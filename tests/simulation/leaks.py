"""The open files of processes: one that leaks them meets its limit some day, and serves nobody any more."""

from __future__ import annotations

from .processes import Process

STANDARD = (0, 1, 2)
# The descriptors of a supervisor: these, its lock, two sockets, the pipe of its signals, and the log.
_BARE = 8
_STALLS = 2  # while it has workers
_CHILD = 4  # for each: what tells its end, its lifeline, its output, and the way of the files passed to it


def of_client(process: Process) -> str:
    """Returns the open files that a program still has whose client was closed; empty where it has none.

    Temporary files are left out: each goes with its answer, which the traceback of an error may hold until Python's
    next collection.
    """
    own = [descriptor for descriptor in process.table if descriptor not in STANDARD]
    return _names(process, [number for number in own if not _is_temporary(_path(process, number))])


def of_supervisor(process: Process) -> str:
    """Returns the open files of a supervisor, if it has more at rest than it needs for the processes that it has."""
    children = sum(child.living for child in process.children)
    most = _BARE + _STALLS * bool(children) + _CHILD * children
    return _names(process, list(process.table)) if len(process.table) > most else ""


def _names(process: Process, descriptors: list[int]) -> str:
    kinds = [f"{type(process.table[number]).__name__} {_path(process, number)}" for number in sorted(descriptors)]
    return ", ".join(map(str.strip, kinds))


def _is_temporary(path: str) -> bool:
    """Returns whether a file is in the folder of temporary ones: without a name, or with one where the disk was full
    when it was to have none."""
    folder, _, name = path.rpartition("/")
    return path.endswith("/tmp") or (folder.endswith("/tmp") and name.startswith("hushd-"))


def _path(process: Process, descriptor: int) -> str:
    return str(getattr(process.table[descriptor], "path", ""))
