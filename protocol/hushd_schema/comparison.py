"""The table of the last `hushd tune --voice` or `hushd tune DIR`, as the state folder keeps it for the page.

It quotes the user's own speech: the file is private, and `hushd tune --forget` removes it with the recordings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

from .record import Record

MAX_BYTES = 2**20  # of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel(Record):
    """A model's line of the table.

    Attributes:
        rate: word error rate; `low` and `high` bound its 95 % interval.
        speed: seconds of audio per second of work.
        first_s: the median time to the first text of a sentence.
        wrong: the sentences with the most errors, marked as `git diff --word-diff` does; `more` counts the others.
    """

    model: str
    rate: float
    low: float
    high: float
    speed: float
    first_s: float
    memory_mb: float
    wrong: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison(Record):
    """The table.

    Attributes:
        time: seconds since 1970.
        about: the language, and the numbers of sentences and words.
        differences: sentences that say which models are equal, and which differences may be chance.
        failed: the reasons of the models that could not be heard.
    """

    time: float
    about: str
    models: tuple[ComparedModel, ...]
    differences: tuple[str, ...]
    failed: Mapping[str, str]


def path(state: Path) -> Path:
    """Returns the file's path in a state folder."""
    return state / "tune" / "comparison.json"


def read(state: Path) -> ModelComparison | None:
    """Returns the last comparison; None if there is none, or its file is damaged."""
    try:
        with open(path(state), "rb") as file:
            return ModelComparison.from_data(json.loads(file.read(MAX_BYTES)), "the comparison")
    except (OSError, ValueError, RecursionError, HushdError):
        return None
