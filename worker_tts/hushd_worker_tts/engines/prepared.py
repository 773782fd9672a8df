"""Files made once of what an engine's package has, so that each later start is quicker: they are in the cache folder.

A process of its own makes them beside the first speech. It ends with the worker, and leaves the cores to the speech.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hushd_protocol.system import atomic_file
from hushd_protocol.system.paths import user_cache

_NICE = 10
_OLD_S = 30 * 86400.0
_END = 1 << 20  # bytes of a source


def place(name: str, sources: Iterable[Path], suffix: str) -> Path:
    """Returns the place of a file made of `sources`: its name says of which, so that no old one is ever taken.

    Raises:
        OSError: a source is missing, or there is no cache folder.
    """
    release = "-".join(map(_fingerprint, sources))
    try:
        return user_cache() / f"hushd/{name}-{release}{suffix}"
    except RuntimeError as error:  # a user without a home
        raise FileNotFoundError(name) from error


def keep(path: Path, name: str, make: Callable[[], bytes]) -> None:
    """Writes the file that `make` returns, whole or not at all, and removes those that were made of others long ago.

    Not sooner: two installations with different releases may be in use.

    Returns at once where another process does that already.

    Raises:
        OSError: it cannot be written; where the folder is to blame, before it was made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / f"{name}.lock", "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        atomic_file.replace(path, make())
    for other in path.parent.glob(f"{name}-*{path.suffix}"):
        with suppress(FileNotFoundError):
            if other != path and other.stat().st_mtime < time.time() - _OLD_S:
                other.unlink()


def _fingerprint(source: Path) -> str:
    """Returns the size and a checksum of the end, so that two installations of one release share their files.

    A gzip file ends with the checksum of its content, a model with weights.
    """
    with open(source, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END))
        return f"{size:x}.{zlib.crc32(file.read()):x}"


def make_beside(module: str, *words: str) -> None:
    """Begins to run `python -m module words`, which makes a file, and returns at once."""
    command = [sys.executable, "-P", "-m", module, *words]
    threading.Thread(
        target=subprocess.run, args=(command,), kwargs={"stdin": subprocess.DEVNULL}, name="hushd-prepares", daemon=True
    ).start()


def yield_cores() -> None:
    """Leaves the cores to everybody else, in the process that makes a file."""
    with suppress(OSError):
        os.nice(_NICE)
