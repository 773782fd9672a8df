"""Attempts: an engine loads its model and does a small job in a separate process, with any outcome.

`python -m hushd_conformance.attempt ROLE ENGINE MODEL [--offline]` prints the outcome as the last line
of its standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError, reason
from hushd_worker.job_error import answer as in_words
from hushd_worker.job_error import fatal, out_of_memory
from hushd_worker.usage import short_of_memory

from .trial import Trial, ill_said

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADED, REFUSED, RAISED, BROKE, ENDED, HUNG = "loaded", "refused", "raised", "broke", "ended", "hung"
LIMIT_S = 300.0  # of wall time, even beside other load; `_CPU_S` ends endless computation
_CPU_S = 120
_SPACE = 64 << 30  # bytes of address space, as a limit for damaged headers
QUIET = {"DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "ORT_DISABLE_TELEMETRY": "1"}  # as by the supervisor
_MARK = "hushd-attempt: "
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")


@dataclass(frozen=True, slots=True)
class Attempted:
    """The outcome of an attempt.

    Attributes:
        state: `loaded`, if it also did a job; `refused`, with a sentence; `raised`, if its load raised another
            exception, which is a fault; `broke`, if its job raised an exception, which the worker turns into a
            sentence; `ended`, by a signal or an exit; or `hung`.
        words: the sentence, the exception, or the end.
        code: the code of the sentence.
        private: the private bytes of the process at its end.
    """

    state: str
    words: str = ""
    code: str = ""
    private: int = 0

    def faults(self, what: str, *, may_fail: bool = False) -> Iterator[str]:
        """Yields the faults of an attempt that should succeed, or `may_fail` in a proper way."""
        if self.state in (HUNG, RAISED) or (self.state != LOADED and not may_fail):
            yield f"{what}: {self.state} ({self.words})"
        elif self.state == REFUSED:
            yield from ill_said(what, HushdError(self.code, self.words))


def attempt(
    trial: Trial,
    *flags: str,
    model: str = "",
    environment: Mapping[str, str | None] | None = None,
    folder: Path | None = None,
    limit_s: float = LIMIT_S,
) -> Attempted:
    """Makes another process load and use the engine of `trial`.

    Args:
        model: a model other than the trial's.
        environment: variables besides this process's; None removes a variable.
        folder: the process's working directory.
    """
    command = [sys.executable, "-P", "-m", __name__, *flags, "--", trial.role, trial.name, model or trial.model]
    path = os.pathsep.join(part for part in sys.path if part)
    variables = {"PYTHONPATH": path, "PYTHONFAULTHANDLER": "", "GGML_NO_BACKTRACE": "1", **(environment or {})}
    if (before := (environment or {}).get("PYTHONPATH")) is not None:
        variables["PYTHONPATH"] = os.pathsep.join((before, path))
    everything = {**QUIET, **os.environ, **variables}
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=errors,
            cwd=folder,
            env={name: value for name, value in everything.items() if value is not None},
            start_new_session=True,
        )
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return Attempted(HUNG, f"it had not ended after {limit_s:g} s")
        finally:
            end(process)
        printed.seek(0)
        errors.seek(0)
        return _outcome(status, printed.read().decode(errors="replace"), errors.read().decode(errors="replace"))


def _outcome(status: int, printed: str, errors: str) -> Attempted:
    lines = [line for line in printed.splitlines() if line.startswith(_MARK)]
    if lines:
        return Attempted(**json.loads(lines[-1].removeprefix(_MARK)))
    last = (errors.strip().splitlines() or [""])[-1][:200]
    if status < 0:
        name = signal.Signals(-status).name
        return Attempted(HUNG if name == "SIGXCPU" else ENDED, f"{name}; {last}")
    return Attempted(ENDED, f"status {status}; {last}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its descendants."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


# --- in the process ------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> None:
    """Loads the engine, runs a job, and prints the outcome."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("words", nargs=3)
    options = parser.parse_args(arguments)
    _limit()
    if options.offline:
        sys.addaudithook(_no_network)
    from .roles import trial_of

    played = _tried(trial_of(*options.words))
    sys.stdout.flush()
    os.write(1, f"\n{_MARK}{json.dumps(asdict(played))}\n".encode())
    os._exit(0)  # like a worker


def _tried(trial: Trial) -> Attempted:
    from hushd_worker.usage import PrivateMemory

    try:
        trial.worker  # noqa: B018  (loads it)
        answer = trial.work()
    except BaseException as error:  # like the worker's threads
        return _failed(error)
    if answer.raised:
        return Attempted(BROKE, f"its job raised {answer.raised}")
    if answer.error:
        return Attempted(REFUSED, answer.error.message, answer.error.code)
    memory = PrivateMemory()
    memory.look()
    return Attempted(LOADED, private=memory.now)


def _failed(error: BaseException) -> Attempted:
    """Returns the outcome of an exception as the supervisor would see it: `job_threads` has the same cases."""
    known = isinstance(error, HushdError) and error.code == "server_busy"
    if not known and short_of_memory(error):
        return Attempted(REFUSED, "There was not enough free memory to load it.", "server_busy")
    if isinstance(error, HushdError):
        return Attempted(REFUSED, error.message, error.code)
    if isinstance(error, Exception) and (fatal(error) or out_of_memory(error)):
        return Attempted(REFUSED, in_words(b"", error).message, "server_busy")
    return Attempted(RAISED, f"{type(error).__name__}: {reason(error)}")


def _limit() -> None:
    """Limits the CPU time, and the address space."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (_SPACE, _SPACE))


def _no_network(event: str, arguments: tuple[object, ...]) -> None:
    if event in _NETWORK and not (event in _NETWORK[0::3] and isinstance(arguments[-1], str | bytes)):
        raise RuntimeError(f"the network was used: {event} {arguments[1:]!r:.100}")


if __name__ == "__main__":
    main(sys.argv[1:])
