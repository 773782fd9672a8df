"""The contract between the harness and a role's worker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from hushd_protocol import JsonObject
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

    def rest(self) -> None:  # noqa: B027
        """Gives back memory that only work needs, when no job is left; does nothing by default."""

    def close(self) -> None:  # noqa: B027
        """Ends what `load` has started, before the process leaves; does nothing by default."""
