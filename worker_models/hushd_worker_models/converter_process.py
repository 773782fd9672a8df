"""Runs a conversion program, reports its progress, and ends it when no job waits for it any more.

The program prints one JSON object per line: {"done", "total"} in bytes, {"note"}, or finally {"error", "message"}.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Sequence

from hushd_protocol.errors import HushdError

from .single_flight import SharedTask

_LOOK_S = 0.1
_MAX_LINE = 64 * 1024  # bytes of a line


def run(command: Sequence[str], task: SharedTask) -> None:
    """Runs `command` to its end, reporting its progress to `task`.

    Raises:
        HushdError: the error that the program reported; `worker_failed` if it failed without reporting one.
        Stopped: no job waits any more; the program has been ended.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            error = _read_reports(process.stdout.fileno(), task)
        except BaseException:
            process.kill()
            raise
    if error is not None:
        raise error
    if process.returncode == -9:
        raise HushdError("worker_failed", "The conversion was killed: perhaps there was too little memory for it.")
    if process.returncode:
        raise HushdError("worker_failed", "The conversion failed: `hushd logs models/store/local` shows why.")


def _read_reports(descriptor: int, task: SharedTask) -> HushdError | None:
    """Reads until the program has closed its output; returns the error that it has reported."""
    error, rest, reported = None, b"", 0
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            task.wait()
            if not selector.select(_LOOK_S):
                continue
            data = os.read(descriptor, _MAX_LINE)
            if not data:
                return error
            *lines, rest = (rest + data[-_MAX_LINE:]).split(b"\n")
            for line in lines:
                try:
                    message = json.loads(line)
                except (ValueError, RecursionError):
                    continue  # a library's output
                if not isinstance(message, dict):
                    continue
                if "error" in message:
                    error = HushdError(str(message["error"]), str(message.get("message", "")))
                elif "note" in message:
                    task.note(str(message["note"]))
                elif message.get("total"):
                    # The program's progress is the second half of all: hashing the source was the first.
                    done = int(message["done"] / message["total"] * task.total / 2)
                    task.add(done - reported)
                    reported = done
