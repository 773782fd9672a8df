"""A control group of one processor and little memory, at the top of this machine's hierarchy."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .root import RootError

_MOUNTED = Path("/sys/fs/cgroup")
# The words before a command that runs in all groups whose files are the arguments up to `--`.
_ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'


@contextmanager
def limited(memory_mb: int) -> Iterator[list[Path]]:
    """Makes a group for each controller that limits, and removes them at last.

    Raises:
        RootError: this machine lets us make none.
    """
    name = f"hushd-machine-{os.getpid()}"
    size = memory_mb << 20
    if (_MOUNTED / "cgroup.controllers").exists():
        limits = {_MOUNTED: {"memory.max": size, "memory.swap.max": 0, "cpu.max": "100000 100000"}}
    else:
        limits = {
            _MOUNTED / "memory": {"memory.limit_in_bytes": size},
            _MOUNTED / "cpu": {"cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": 100_000},
        }
    folders = [top / name for top in limits]
    try:
        try:
            if _MOUNTED in limits:
                (_MOUNTED / "cgroup.subtree_control").write_text("+cpu +memory")
            for folder, files in zip(folders, limits.values(), strict=True):
                folder.mkdir()
                for file, value in files.items():
                    (folder / file).write_text(str(value))
        except OSError as error:
            raise RootError(f"No group of {memory_mb} MB can be made here: {error}") from error
        yield folders
    finally:
        for folder in folders:
            _remove(folder)


def enter(folders: list[Path]) -> tuple[str, ...]:
    """The words before a command that runs in these groups."""
    return ("sh", "-euc", _ENTER, "enter", *map(str, folders), "--")


def seen(folders: list[Path]) -> str:
    """A script by which a container's root sees these groups alone where the hierarchy is."""
    return "\n".join(f"mount --bind {folder} {folder.parent}" for folder in folders)


def _remove(folder: Path) -> None:
    for _ in range(50):
        try:
            return folder.rmdir()
        except FileNotFoundError:
            return None
        except OSError:  # processes that were ended a moment ago
            time.sleep(0.1)
    return None
