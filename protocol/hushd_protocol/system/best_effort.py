"""Files that are only for looking, or that save work: what cannot write one goes on without it, and says so once.

The sentence goes to the log of a process that has one (`report_to`). Of a kind of fault there is one in the life of a
process, whichever files it concerns: a full disk fills no log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_told: set[int | None] = set()  # the kinds of faults
_kept: list[str] = []  # sentences for a log that is not there yet
_report: Callable[[str], object] = _kept.append


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Ends the block at an OSError, and goes on behind it: `path`, which it writes or removes, is not needed."""
    try:
        yield
    except OSError as error:
        failed(path, error)


def failed(path: str | os.PathLike[str], error: OSError) -> None:
    """Reports that `path` could not be written, unless such a fault was reported already."""
    if error.errno not in _told:
        _told.add(error.errno)
        _report(
            f"{os.fspath(path)} cannot be written ({error.strerror or error}): all goes on without it, and without "
            "other files that this concerns"
        )


def report_to(report: Callable[[str], object]) -> None:
    """Has `report` called with each sentence, also with those there were so far."""
    global _report
    _report = report
    for sentence in _kept:
        report(sentence)
    _kept.clear()
