"""Finds the files that are opened in a folder, by Linux's inotify, even by native libraries and other programs."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

_IN_OPEN, _IN_ISDIR = 0x20, 0x4000_0000
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name


def opened(folder: Path, act: Callable[[], object]) -> list[Path]:
    """Returns the files below `folder` that are opened while `act` runs; all files if the system does not report
    that."""
    everything = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        act()
        return everything
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify is not available")
    try:
        places = [Path(place) for place, _, _ in os.walk(folder)]
        watches = {libc.inotify_add_watch(descriptor, os.fsencode(place), _IN_OPEN): place for place in places}
        act()
        return sorted({watches[watch] / name for watch, name in _events(descriptor) if watch in watches})
    finally:
        os.close(descriptor)


def _events(descriptor: int) -> list[tuple[int, str]]:
    """Returns the openings of files so far: the number of the watch, and the file's name."""
    opened: list[tuple[int, str]] = []
    while True:
        try:
            data = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return opened
        while data:
            watch, mask, _, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            if name and not mask & _IN_ISDIR:
                opened.append((watch, os.fsdecode(name)))
            data = data[_EVENT.size + length :]
