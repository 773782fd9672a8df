"""Runs work in a process beside the supervisor that this one becomes."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn


def run_beside(work: Callable[[int], None], become: Sequence[str]) -> NoReturn:
    """Runs `work` in a process of its own, and replaces this one by `python -m` with the arguments `become`.

    Args:
        work: called with a lifeline, see `ended`; Ctrl-C does not reach it, only the end of what this process becomes.
    """
    lifeline, supervisors_end = os.pipe()
    os.set_inheritable(supervisors_end, True)  # closed when the supervisor ends, for whatever reason
    child = os.fork()
    if child == 0:
        os.close(supervisors_end)
        _leave_family()
        work(lifeline)
        os._exit(0)
    os.close(lifeline)
    os.waitpid(child, 0)
    os.execv(sys.executable, [sys.executable, "-P", "-m", *become])


def ended(lifeline: int, patience_s: float | None) -> bool:
    """Returns whether the supervisor has ended, or ends within `patience_s` seconds; None: waits for its end."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    return bool(poll.poll(None if patience_s is None else patience_s * 1000))


def _leave_family() -> None:
    """Detaches this process from its parent and the terminal: Ctrl-C ends the supervisor, which ends this process."""
    os.setsid()
    if os.fork():
        os._exit(0)
