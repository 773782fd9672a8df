"""The part of the suite for all roles, and the function to play it in a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import damage, description, starting, working
from .case import FAILED, Case, play
from .trial import Trial


def common() -> Iterator[Case[Any]]:
    """Yields the cases for every engine."""
    for part in (description, starting, working, damage):
        yield from part.cases()


def problems(trial: Trial, cases: Sequence[Case[Any]]) -> list[str]:
    """Plays the cases that start no processes in this process, and returns their faults."""
    exceptions = trial.spec.exceptions if trial.spec else {}
    played = (play(case, trial, exceptions) for case in cases if not case.costly)
    return [f"{outcome.case}: {fault}" for outcome in played if outcome.verdict == FAILED for fault in outcome.words]
