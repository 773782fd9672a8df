"""Handles errors that end a job: the client gets a sentence, or, after some errors, the whole process ends.

After some errors CUDA fails at every call until the process ends, and only its end undoes fragmentation of a card's
memory; and a missing module means that hushd was upgraded meanwhile. After such errors a worker ends as by a crash: the
supervisor repeats the request in a new process, unless the client has some of its output.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY
from hushd_protocol.messages import Error
from hushd_protocol.system import log_lines
from hushd_protocol.system.own_modules import Replaced

from .job import Cancelled
from .load_error import Cause, cause
from .usage import short_of_memory

EXIT_CRASHED = 70  # EX_SOFTWARE: the load, a job or the harness raised; the traceback is in the log


class End(NamedTuple):
    """The end of the process: its exit status, and one sentence for the client."""

    status: int
    why: str


class NoMemory(Exception):
    """There is not enough memory for a job; the message is one sentence for the client.

    A new process, whose memory is not fragmented, may succeed.
    """


def fatal(error: BaseException) -> End | None:
    """Returns how the process must end after `error`; None if it can go on."""
    if isinstance(error, NoMemory):
        return End(EXIT_NO_MEMORY, str(error))
    if isinstance(error, Replaced):
        return End(EXIT_CRASHED, "hushd was updated while this process ran.")
    match _cause(error):
        case Cause.CARD_FAILED:
            return End(EXIT_CARD_FAILED, "The graphics card failed, and this process cannot compute on it any more.")
        case Cause.CARD_FULL if not isinstance(error, HushdError):  # a HushdError has its own advice, about a load
            return End(EXIT_NO_MEMORY, "The graphics card did not have enough free memory for this request.")
    return None


def out_of_memory(error: Exception) -> bool:
    """Returns whether a library raised `error` because a card or the machine did not have enough free memory."""
    if isinstance(error, Cancelled | HushdError | NoMemory):
        return False
    cause = _cause(error)
    return cause in (Cause.CARD_FULL, Cause.MEMORY) or (cause is not Cause.CARD_FAILED and short_of_memory(error))


def answer(request_id: bytes, error: BaseException) -> Error:
    """Returns the answer for the client: a HushdError unchanged, other errors as `failure`."""
    # A part that is loaded at its first use is not missing if memory is too short for it.
    missing = isinstance(error, HushdError) and error.code in ("engine_missing", "model_missing")
    if isinstance(error, HushdError) and not (missing and short_of_memory(error)):
        return Error.of(request_id, error)
    return failure(request_id, error)


def failure(request_id: bytes, error: BaseException) -> Error:
    """Returns the answer for a job that failed through no fault of its request: one sentence; the log has the
    traceback."""
    log_traceback(error)
    if short_of_memory(error):
        return Error.of(request_id, HushdError("worker_failed", "There was not enough memory for this request."))
    text = f"{type(error).__name__}: {error}".splitlines()[0][:300].rstrip(".").encode(errors="replace").decode()
    return Error.of(request_id, HushdError("worker_failed", f"The engine failed at this request ({text})."))


def log_traceback(error: BaseException) -> None:
    """Prints the traceback and the type of `error`; its message, which may quote speech, only if the user has enabled
    that."""
    if os.environ.get(log_lines.CONTENT):
        traceback.print_exception(error)
        return
    chain: list[BaseException] = []
    while error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error
    for link in reversed(chain):
        print("Traceback (most recent call last):", file=sys.stderr)
        traceback.print_tb(link.__traceback__)
        print(type(link).__name__, file=sys.stderr)


def _cause(error: BaseException | None) -> Cause | None:
    """Returns the cause that a library's message names; not for hushd's and the system's messages, which may contain
    any text, such as a file name."""
    while isinstance(error, HushdError):
        error = error.__cause__ or error.__context__
    return None if error is None or isinstance(error, OSError) else cause(error)
