"""Detects threads that could not begin because memory was short.

Python ends such a thread before its first frame, and only reports it to `sys.unraisablehook`; its starter waits in
`Thread.start` forever (seen with CPython 3.11). So the hook records it, and an existing thread checks that from time to
time, and ends the process.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

_unraised: deque[Any] = deque(maxlen=32)


def watch() -> None:
    """Records unraisable exceptions, for `failed`."""
    sys.unraisablehook = _unraised.append  # in C: a Python hook would need memory for a frame


def failed() -> bool:
    """Returns whether a thread could not begin; prints other recorded exceptions, as Python does."""
    while _unraised:
        noted = _unraised.popleft()
        if issubclass(noted.exc_type, MemoryError) and "in thread started" in (noted.err_msg or ""):
            return True
        sys.__unraisablehook__(noted)
    return False
