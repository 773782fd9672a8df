"""Files that are not essential: a process that cannot write one goes on without it, and says so once.

The sentence goes to the process's log, if it has one (`report_to`). Each kind of fault is reported once in the life of
a process, whatever files it concerns, so that a full disk does not fill the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_reported: set[int | None] = set()  # the kinds of faults reported
_kept: list[str] = []  # sentences for a log that does not exist yet
_report: Callable[[str], object] = _kept.append


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Ends the block at an OSError and goes on after it: `path`, which it writes or removes, is not essential."""
    try:
        yield
    except OSError as error:
        failed(path, error)


def failed(path: str | os.PathLike[str], error: OSError) -> None:
    """Reports that `path` could not be written, unless this kind of fault was reported before."""
    if error.errno not in _reported:
        _reported.add(error.errno)
        _report(
            f"{os.fspath(path)} cannot be written ({error.strerror or error}): hushd goes on without it and "
            "other such files"
        )


def report_to(report: Callable[[str], object]) -> None:
    """Sends each sentence to `report`, including earlier ones."""
    global _report
    _report = report
    for sentence in _kept:
        report(sentence)
    _kept.clear()
