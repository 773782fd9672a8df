"""The part of a file that the system keeps in memory, and giving that back.

What was read or mapped stays in the system's cache as long as nobody needs the room, also when the process is gone: the
next start of a worker reads its model from there. Linux tells (`mincore`), and drops it when asked (`posix_fadvise`).
"""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

_PAGE = mmap.PAGESIZE
_FAILED = ctypes.c_void_p(-1).value  # MAP_FAILED


def cached(file: Path) -> int | None:
    """The bytes of `file` that are in memory; None where the system does not say."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = os.fstat(descriptor).st_size
        resident = _resident(descriptor, size) if size else b""
    finally:
        os.close(descriptor)
    # A byte a page, and the last page may be in part behind the file's end.
    return None if resident is None else min(size, resident.count(1) * _PAGE)


def drop(file: Path) -> None:
    """Has the system forget `file`, but for pages that a process has mapped and such as are not yet on the disk."""
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _resident(descriptor: int, size: int) -> bytes | None:
    """`mincore` of a whole file, without touching a page of it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "mincore"):
        return None
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    place = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if place == _FAILED:
        return None
    vector = (ctypes.c_ubyte * -(-size // _PAGE))()
    try:
        failed = libc.mincore(ctypes.c_void_p(place), ctypes.c_size_t(size), vector)
    finally:
        libc.munmap(ctypes.c_void_p(place), ctypes.c_size_t(size))
    return None if failed else bytes(vector)
