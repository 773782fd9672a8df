"""Runs programs that read a text and print one, with limits of time and size."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence

MAX_OUTPUT = 1 << 20  # bytes that a program may print


def run(command: Sequence[str], within_s: float, text: bytes = b"", stderr: int | None = None) -> tuple[bytes, int]:
    """Runs a program with `text` as its standard input; returns its output and its exit status.

    Processes that it started are ended with it.

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
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
    ) as process:
        try:
            printed = _exchanged(process, text, until)
            return printed, process.wait(_left(until))
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises it for an ending group
                os.killpg(process.pid, signal.SIGKILL)


def _exchanged(process: subprocess.Popen[bytes], unsent: bytes, until: float) -> bytes:
    """Writes `unsent` to the program, and returns its complete output."""
    assert process.stdin is not None
    assert process.stdout is not None
    printed, writes = b"", [process.stdin]
    os.set_blocking(process.stdin.fileno(), False)
    while len(printed) <= MAX_OUTPUT:
        readable, writable, _ = select.select([process.stdout], writes, [], _left(until))
        if not (readable or writable):
            raise TimeoutError
        if writable and not (unsent := _written(process.stdin.fileno(), unsent)):
            process.stdin.close()
            writes = []
        if readable:
            if not (more := os.read(process.stdout.fileno(), 1 << 16)):
                return printed
            printed += more
    raise OverflowError


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0)


def _written(descriptor: int, data: bytes) -> bytes:
    """Writes as much as fits; returns the unwritten rest, empty if the program reads no more."""
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return b""
