"""Runs a program to its end, its time limit or its cancellation, for engines that are programs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

_LOOK_S = 0.1  # between two checks for a cancel
_LINGER_S = 1.0  # to read the rest from the pipes of a program that has exited; its children may hold them open
_MAX_OUTPUT = 16_000_000  # bytes; 20 s of sound are a tenth of that


class Failed(Exception):
    """A program's failure. The message follows the program's name; `tail` is the end of its standard error."""

    def __init__(self, sentence: str, tail: str = "", *, too_slow: bool = False) -> None:
        super().__init__(sentence)
        self.tail = tail
        self.too_slow = too_slow


def run(command: Sequence[str], data: bytes, timeout: float, check: Callable[[], None]) -> bytes:
    """Runs `command` with `data` on standard input, for at most `timeout` seconds, and returns its output.

    Args:
        check: called ten times a second; its exceptions end the program and are passed on.

    Raises:
        Failed: it ended with a status other than 0, took too long or printed too much.
        OSError: it could not be started.
    """
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except ValueError as error:  # a NUL in a prompt
        raise Failed(f"cannot be given its arguments ({error})") from error
    try:
        printed, errors = _watch(process, data, timeout, check)
    finally:
        _end(process)
    tail = errors[-4096:].decode(errors="replace").strip()
    if process.returncode:
        status = f"exit status {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        last = f": {tail.splitlines()[-1].strip().rstrip('.')[:300]}" if tail else ""
        raise Failed(f"failed ({status}{last})", tail)
    return printed


@contextmanager
def reported(program: str, hint: str) -> Iterator[None]:
    """Turns failures of `run` into HushdError `worker_failed`, naming `program`.

    Args:
        hint: advice for a program that took too long.
    """
    try:
        yield
    except Failed as error:
        slow = f": {hint}" if error.too_slow else ""
        raise HushdError(
            "worker_failed", f"The program {program!r} {error}{slow}.", detail={"stderr": error.tail}
        ) from error
    except OSError as error:
        raise HushdError("worker_failed", f"The program {program!r} could not be run ({error}).") from error


def sound_file() -> Path:
    """Returns a path for the sound that this worker's program reads or writes, and removes those of killed workers.

    It is in the runtime folder, which is removed at logout and private to the user.
    """
    folder = paths.find().runtime
    with best_effort.writing(folder):  # the folder exists already
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("command-*.wav"):
        try:
            os.kill(int(path.stem.rpartition("-")[2]), 0)
        except ProcessLookupError:
            remove(path)
        except (ValueError, OSError):
            pass
    return folder / f"command-{os.getpid()}.wav"


def remove(path: Path) -> None:
    """Removes a sound file, if possible."""
    with best_effort.writing(path):
        path.unlink(missing_ok=True)


def _watch(
    process: subprocess.Popen[bytes], data: bytes, timeout: float, check: Callable[[], None]
) -> tuple[bytes, bytes]:
    limit = time.monotonic() + timeout
    exited, unsent = None, data or None
    while True:
        try:
            return process.communicate(unsent, timeout=_LOOK_S)
        except subprocess.TimeoutExpired as waiting:
            printed, errors = waiting.stdout or b"", waiting.stderr or b""
            unsent = None  # communicate() keeps the rest
        check()
        now = time.monotonic()
        if len(printed) + len(errors) > _MAX_OUTPUT:
            raise Failed(f"printed more than {_MAX_OUTPUT // 1_000_000} MB")
        if process.poll() is None:
            if now >= limit:
                tail = errors[-4096:].decode(errors="replace").strip()
                raise Failed(f"was ended after {timeout:g} s", tail, too_slow=True)
        elif exited is None:
            exited = now
        elif now >= exited + _LINGER_S:
            return printed, errors


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program and all its descendants, one by one, because they share this process's group."""
    if process.poll() is None:
        import psutil

        try:
            family = psutil.Process(process.pid).children(recursive=True)
        except psutil.Error:
            family = []
        process.kill()
        for child in family:
            try:
                child.kill()
            except psutil.Error:
                pass
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            try:
                pipe.close()
            except OSError:
                pass  # its unread input is lost with it
