"""The contract between the harness and an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hushd_protocol import JsonObject
from hushd_schema.capabilities import Capabilities

from .job import Job


class Engine(Protocol):
    """The part of a worker that does its jobs.

    Attributes:
        slots: the maximum number of calls of `run` at a time.
        sessions: the number of further calls for live sessions (see `messages.Request.session`); optional: without it a
            session takes a slot.
        aside: the number of further jobs that wait for their clients, or have waited (see `messages.Ready.aside`);
            optional: without it they keep their slots. An engine with `aside` makes its jobs take turns itself.
    """

    slots: int

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Imports and loads everything heavy; returns the capabilities for `ready`.

        Args:
            report: takes a note on the progress of the load, and restarts the start timer.

        Raises:
            HushdError: `engine_missing` or `model_missing` if another try is useless.
        """

    def run(self, job: Job) -> JsonObject:
        """Runs one job, sending pieces through it; returns the data of the `result`.

        Raises:
            HushdError: the error for the client.
        """
