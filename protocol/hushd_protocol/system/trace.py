"""Marks on a request's way through the processes, for `scripts/bench stages`; written only while tracing.

Each mark is a line in the file named by the variable HUSHD_TRACE, which supervisor and workers inherit: the monotonic
clock, which all processes of a machine share, the process and its CPU seconds, the bytes that it has had read from
disks, and the point's name, followed by a tab and any detail.
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
    with suppress(OSError):  # the trace was read, and its file is gone
        descriptor = os.open(_file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(descriptor, line.encode())  # in one call: other processes write too
        finally:
            os.close(descriptor)


def _read_from_disk() -> int:
    """The bytes read from disks for this process so far, into the page cache or past it; 0 if not reported."""
    try:
        with open("/proc/self/io", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"read_bytes:"))
    except (OSError, ValueError, StopIteration):
        return 0
