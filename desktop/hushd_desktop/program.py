"""Programs of the desktop that get a text and print one, bounded in time and bytes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence

LONGEST = 1 << 20  # bytes that a program may print: a day of reading


def run(command: Sequence[str], within_s: float, text: bytes = b"", stderr: int | None = None) -> tuple[bytes, int]:
    """Runs a program with `text` as its standard input; returns what it prints, and its exit status.

    All that it has started ends with it.

    Args:
        stderr: as for `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it takes longer than `within_s`, in seconds.
        OverflowError: it prints more than `LONGEST`.
    """
    until = time.monotonic() + within_s
    # In a session of its own, so that all of a pipeline ends with it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
    ) as process:
        try:
            printed = _exchanged(process, text, until)
            return printed, process.wait(_left(until))
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: of a group that is ending
                os.killpg(process.pid, signal.SIGKILL)


def _exchanged(process: subprocess.Popen[bytes], rest: bytes, until: float) -> bytes:
    """Writes `rest` and returns the output, once the program has ended it."""
    assert process.stdin is not None
    assert process.stdout is not None
    printed, writes = b"", [process.stdin]
    os.set_blocking(process.stdin.fileno(), False)
    while len(printed) <= LONGEST:
        readable, writable, _ = select.select([process.stdout], writes, [], _left(until))
        if not (readable or writable):
            raise TimeoutError
        if writable and not (rest := _written(process.stdin.fileno(), rest)):
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
    """Writes what fits; returns the rest, none of it for a program that reads no more."""
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return b""
