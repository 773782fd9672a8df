"""Plays the cases in a separate process, and in another one after a case that has ended it or hangs."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import IO, TypeVar

from .attempt import QUIET, end
from .case import FAILED, Case, Outcome, play
from .trial import Trial

T = TypeVar("T", bound=Trial)

_FLAG = "--play"


def outcomes(
    trial: Trial, cases: Sequence[Case[T]], limit_s: float, begins: Callable[[str], None]
) -> Iterator[Outcome]:
    """Yields the outcome of each case.

    Args:
        limit_s: the time limit of a case; ten times that for a costly one.
        begins: called with the name of each case before it is played.
    """
    left = list(cases)
    while left:
        with tempfile.TemporaryFile() as errors:
            process, pipe = _start(trial, [case.name for case in left], errors)
            try:
                while left:
                    begins(left[0].name)
                    line = _line(pipe, limit_s * (10 if left[0].costly else 1))
                    if not line:
                        why = "it does not end" if line is None else _last_words(process, errors)
                        yield Outcome(left.pop(0).name, FAILED, (why,))
                        break
                    left.pop(0)
                    yield _read(line)
            finally:
                os.close(pipe)
                end(process)


def serve(trial: T, cases: Sequence[Case[T]], descriptor: int) -> None:
    """Plays cases in this process, and writes a line for each."""
    threading.Thread(target=_leave_with_the_reader, args=(descriptor,), daemon=True).start()
    spec = trial.spec
    exceptions = spec.exceptions if spec else {}
    for case in cases:
        begun = time.process_time()
        outcome = asdict(play(case, trial, exceptions)) | {"cpu_s": round(time.process_time() - begun, 3)}
        os.write(descriptor, json.dumps(outcome).encode() + b"\n")


def _leave_with_the_reader(descriptor: int) -> None:
    """Ends this process and its children once its reader has gone, because the command was killed."""
    reader = select.poll()
    reader.register(descriptor, 0)
    reader.poll()
    os.killpg(0, signal.SIGKILL)


def _start(trial: Trial, names: Sequence[str], errors: IO[bytes]) -> tuple[subprocess.Popen[bytes], int]:
    receiving, sending = os.pipe()
    command = [
        sys.executable, "-P", "-m", "hushd_conformance", _FLAG, str(sending), "-k", ",".join(names),
        trial.name, trial.wanted, *trial.flags,
    ]  # fmt: skip
    environment = QUIET | os.environ | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, pass_fds=[sending], env=environment,
        start_new_session=True,
    )  # fmt: skip
    os.close(sending)
    return process, receiving


def _line(descriptor: int, limit_s: float) -> bytes | None:
    """Returns the next line; empty if there will be none, None after a timeout."""
    line, end = b"", time.monotonic() + limit_s
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return None
        byte = os.read(descriptor, 1)
        if not byte:
            return b""
        line += byte
    return line


def _read(line: bytes) -> Outcome:
    content = json.loads(line)
    return Outcome(content["case"], content["verdict"], tuple(content["words"]), content["cpu_s"])


def _last_words(process: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    status = process.wait()
    errors.seek(0)
    last = (errors.read().decode(errors="replace").strip().splitlines() or ["without a word"])[-1][:300]
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return f"it ends its process {how} ({last})"
