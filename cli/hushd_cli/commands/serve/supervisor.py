"""Replaces the command's process by the supervisor or another program."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn


def become_supervisor(arguments: Sequence[str], beside: Sequence[str] = ()) -> NoReturn:
    """Replaces this process by the supervisor, with the same process id, so that a service manager watches it.

    Args:
        beside: a module and its arguments, which starts a process beside the supervisor before it becomes that.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it takes Ctrl-C once it can leave without a traceback
    become(*(beside or ["hushd_supervisor"]), *arguments)


def become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process by `python -m MODULE`.

    With -P, since a file in the current folder must not shadow one of Python's modules.
    """
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
