"""Notes which of hushd's functions are called, and from which file: Python's `site` imports it by its name.

A line is written at a function's first call from a file, because hushd's programs leave without `atexit`.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import cache
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType

_ROOT = f"{Path(__file__).resolve().parents[3]}/"
_notes = Path(os.environ["HUSHD_WALK"], str(os.getpid())).open("a", buffering=1)  # noqa: SIM115  (for as long as the process)
_seen: set[tuple[CodeType, str]] = set()


@cache
def _place(path: str) -> str:
    """The path of a file of hushd's below the repository; empty for any other file."""
    place = path.removeprefix(_ROOT)
    return "" if place == path or place.startswith((".venv", "lab/")) else place


def _note(frame: FrameType, event: str, _: object) -> None:
    code, caller = frame.f_code, frame.f_back
    if event != "call" or not code.co_flags & CO_OPTIMIZED or code.co_name[0] == "<" or not _place(code.co_filename):
        return  # bodies of modules and of classes, lambdas and comprehensions do not count
    while caller and not _place(caller.f_code.co_filename):
        caller = caller.f_back
    origin = _place(caller.f_code.co_filename) if caller else ""
    if (code, origin) not in _seen:
        _seen.add((code, origin))
        _notes.write(f"{_place(code.co_filename)}\t{code.co_firstlineno}\t{origin}\n")


_notes.write(f"{' '.join(sys.orig_argv)}\n")
threading.setprofile(_note)
sys.setprofile(_note)
