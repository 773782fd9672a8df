"""Marks on a request's way through the processes, for `scripts/bench stages`; nothing is written where nobody traces.

Each mark is a line in a file that the variable HUSHD_TRACE names, and that supervisor and workers inherit: the
monotonic clock, which all processes of a machine share, the process and its CPU seconds, the bytes that it has had
read from disks, and the point's name, with a detail behind a tab where it has one.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

VARIABLE = "HUSHD_TRACE"
_file = os.environ.get(VARIABLE)
_marked: set[str] = set()


def mark(point: str, detail: str = "") -> None:
    """Marks that this process has reached `point`, such as `worker ready`, for the first time."""
    if not _file or point in _marked:
        return
    _marked.add(point)
    line = f"{time.monotonic()} {os.getpid()} {time.process_time():.4f} {_read_from_disk()} {point}\t{detail}\n"
    with suppress(OSError):  # the trace has been read, and its file is gone
        descriptor = os.open(_file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(descriptor, line.encode())  # at once: others write too
        finally:
            os.close(descriptor)


def _read_from_disk() -> int:
    """The bytes that this process has had read from disks so far, into the system's cache or past it; 0 where the
    system does not say."""
    try:
        with open("/proc/self/io", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"read_bytes:"))
    except (OSError, ValueError, StopIteration):
        return 0
