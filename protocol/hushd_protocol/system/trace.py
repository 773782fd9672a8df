"""Marks on a request's way through the processes, for `hushd trace`; nothing is written where nobody traces.

Each mark is a line in a file that the variable HUSHD_TRACE names, and that supervisor and workers inherit: the
monotonic clock, which all processes of a machine share, and the point's name.
"""

from __future__ import annotations

import os
import time

VARIABLE = "HUSHD_TRACE"
_file = os.environ.get(VARIABLE)
_marked: set[str] = set()


def mark(point: str) -> None:
    """Marks that this process has reached `point`, such as `worker ready`, for the first time."""
    if not _file or point in _marked:
        return
    _marked.add(point)
    try:
        descriptor = os.open(_file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return  # the trace has been read, and its file is gone
    try:
        os.write(descriptor, f"{time.monotonic()} {point}\n".encode())  # at once: others write too
    finally:
        os.close(descriptor)
