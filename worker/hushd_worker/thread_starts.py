"""Threads that could not begin, since memory was short.

Python ends such a thread before its first frame, and tells `sys.unraisablehook` alone; whoever has started it waits in
`Thread.start` for ever (seen with CPython 3.11). So the hook notes it, and a thread that is there already looks now and
then, and ends the process.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

_unraised: deque[Any] = deque(maxlen=32)


def watch() -> None:
    """Has what no thread can raise noted, for `failed`."""
    sys.unraisablehook = _unraised.append  # of C's: where no thread's first frame fits, none of a hook's in Python does


def failed() -> bool:
    """Returns whether a thread could not begin; prints all else that was noted, as Python does."""
    while _unraised:
        noted = _unraised.popleft()
        if issubclass(noted.exc_type, MemoryError) and "in thread started" in (noted.err_msg or ""):
            return True
        sys.__unraisablehook__(noted)
    return False
