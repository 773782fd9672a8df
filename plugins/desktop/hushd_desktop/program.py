"""Runs a program and reads what it prints, within limits of time and size."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence

MAX_OUTPUT = 1 << 20  # bytes that a program may print


def run(command: Sequence[str], within_s: float, stderr: int | None = None) -> tuple[bytes, int]:
    """Runs a program; returns its output and its exit status. Processes that it started are ended with it.

    Args:
        stderr: as for `subprocess.Popen`.

    Raises:
        OSError: if it cannot be started.
        TimeoutError: if it takes longer than `within_s`, in seconds.
        OverflowError: if it prints more than `MAX_OUTPUT`.
    """
    until = time.monotonic() + within_s
    # In a session of its own, so that a whole pipeline can be ended.
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
    ) as process:
        try:
            printed = _printed(process, until)
            return printed, process.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises it for an ending group
                os.killpg(process.pid, signal.SIGKILL)


def _printed(process: subprocess.Popen[bytes], until: float) -> bytes:
    assert process.stdout is not None
    printed = b""
    while len(printed) <= MAX_OUTPUT:
        if not select.select([process.stdout], [], [], max(until - time.monotonic(), 0))[0]:
            raise TimeoutError
        if not (more := os.read(process.stdout.fileno(), 1 << 16)):
            return printed
        printed += more
    raise OverflowError
