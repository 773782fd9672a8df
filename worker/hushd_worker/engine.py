"""The contract between the harness and an engine, and a model of an engine for text to speech or wake words.

Light, since engines' modules import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from hushd_protocol import JsonObject
from hushd_protocol.light_dataclass import dataclass
from hushd_schema.results import Capabilities

from .job import Job

if TYPE_CHECKING:
    from hushd_schema.description import ModelDescription


class Engine(Protocol):
    """The part of a worker that does its jobs.

    Attributes:
        slots: the maximum number of calls of `run` at a time.
        sessions: the number of further calls for live sessions (see `messages.Request.session`); optional: without it a
            session takes a slot.
        aside: the number of further jobs that wait for their clients, or have waited (see `messages.Ready.aside`);
            optional: without it they keep their slots. An engine with `aside` makes its jobs take turns itself.
        close: ends what the engine has started, before the worker leaves; optional.
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


@dataclass(frozen=True, slots=True)
class Model:
    """A model; each worker process loads one.

    Attributes:
        memory_mb: a worker's PSS, or its private memory for small models, in 10^6 bytes.
        embedded: whether it comes with its engine's package.
        installed: whether it can be loaded here.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: float
    embedded: bool
    installed: bool


def descriptions(models: Iterable[Model]) -> tuple[ModelDescription, ...]:
    """Describes the models of an engine for a listing."""
    from hushd_schema.description import ModelDescription  # not for a worker

    return tuple(
        ModelDescription(
            name=model.name,
            languages=model.languages,
            memory_mb=model.memory_mb,
            embedded=model.embedded,
            installed=model.installed,
        )
        for model in models
    )
