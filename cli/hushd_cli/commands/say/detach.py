"""`say --no-wait`: speaks in a background process."""

from __future__ import annotations

import os
import time

from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from hushd_cli.terminal import console

LOG = "say"
MAX_LOG_BYTES = 64 * 1024  # bytes; then it is truncated


def leave_to_child(*, reads: bool) -> bool:
    """Forks; returns True in the process that ends at once, False in its child, which does the work.

    The child has no terminal and holds no descriptor that another program waits on; its standard error is a log.

    Args:
        reads: whether the child needs standard input.
    """
    errors = open_log(LOG)
    if os.fork():  # no thread has started, which could hold a lock
        os.close(errors)
        return True
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (1,) if reads else (0, 1):
        os.dup2(nothing, number)
    os.dup2(errors, 2)
    os.close(nothing)
    os.close(errors)
    return False


def open_log(name: str) -> int:
    """Opens a log to append to, truncated if it is long; returns its descriptor, or the null device's."""
    where = paths.find()
    log = where.worker_log(name)
    best_effort.report_to(console.complain)
    with best_effort.writing(log):
        paths.make_state(where)
        anew = os.O_TRUNC if log.exists() and log.stat().st_size > MAX_LOG_BYTES else 0
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | anew, 0o600)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def stamp(error: HushdError) -> HushdError:
    """Returns the error with the time in front, for a log."""
    return HushdError(error.code, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {error.message}")
