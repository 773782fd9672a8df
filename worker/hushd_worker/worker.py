"""The contract between the harness and a role's worker, and the command line of a worker's program."""

from __future__ import annotations

import gc
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable

from hushd_protocol import JsonObject
from hushd_schema.record import Record
from hushd_schema.results import Capabilities

from .job import Job


class BaseWorker(ABC):
    """The part of a worker's process that does its jobs, for any engine of its role.

    Attributes:
        slots: the maximum number of calls of `run` at a time.
        sessions: the number of further calls for live sessions (see `messages.Request.session`); 0: a session takes a
            slot.
        aside: the number of further jobs that wait for their clients, or have waited (see `messages.Ready.aside`); 0:
            they keep their slots. A worker with `aside` makes its jobs take turns itself.
    """

    slots: int = 1
    sessions: int = 0
    aside: int = 0

    @abstractmethod
    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Imports and loads everything heavy; returns the capabilities for `ready`. Raises `engine_missing` or
        `model_missing` if another try is useless.
        `report`: takes a note on the progress of the load, and restarts the start timer."""

    @abstractmethod
    def run(self, job: Job) -> JsonObject:
        """Runs one job, sending pieces through it; returns the data of the `result`. Raises HushdError: the error for
        the client."""

    def release_memory(self) -> None:  # noqa: B027
        """Gives back memory that only work needs, when no job is left; does nothing by default."""

    def close(self) -> None:  # noqa: B027
        """Ends what `load` has started, before the process leaves; does nothing by default."""


def asked(describe: Callable[[], Record]) -> tuple[str, str]:
    """Returns the engine and the model that the command line names, read by hand, since argparse would take 3 ms of
    each start; for `--describe`, prints the description as JSON, and exits."""
    gc.disable()  # until the load is over: imports and dictionaries make a million objects that stay
    match sys.argv[1:]:
        case ["--engine", engine, "--model", model]:
            return engine, model
        case ["--engine", engine]:
            return engine, "default"
        case ["--describe"]:
            print(json.dumps(describe().data()))
            sys.exit()
    print("usage: give --describe or --engine NAME [--model NAME]", file=sys.stderr)
    sys.exit(2)
