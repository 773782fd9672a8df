"""The contract between the harness and an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hushd_protocol import JsonObject
from hushd_schema.capabilities import Capabilities

from .job import Job


class Engine(Protocol):
    """The work of a worker.

    Attributes:
        slots: how many calls of `run` may be under way at once.
        sessions: how many more, for live sessions (see `messages.Request.session`); optional, and if it is missing or
            0, a session takes a slot.
        aside: how many jobs that wait for their clients, or have waited, may be under way beside these (see
            `messages.Ready.aside`); optional, and if it is missing or 0, each keeps its slot. Such an engine has its
            jobs take turns by itself.
    """

    slots: int

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Imports and loads everything heavy; returns what `ready` says of it.

        Args:
            report: takes a note on what is being loaded, and re-arms the start timer.

        Raises:
            HushdError: `engine_missing` or `model_missing`, when trying again is useless.
        """

    def run(self, job: Job) -> JsonObject:
        """Does one job, sending pieces through it; returns the data of the `result`.

        Raises:
            HushdError: reported to the client.
        """
