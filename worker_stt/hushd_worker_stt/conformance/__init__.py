"""The duties of every engine that hears: `problems` lists those that one misses, none for one that keeps the
contract.

`hushd engine check NAME` prints it, and a test of an engine asserts that there are none. The whole suite is
`python -m hushd_worker.conformance NAME`.
"""

from __future__ import annotations

from typing import Any

from hushd_worker.conformance import damage, description, starting, working
from hushd_worker.conformance.case import Case
from hushd_worker.conformance.case import problems as found_by

from . import asking, files, sounds, streams
from .trial import Trial

__all__ = ["Trial", "all_cases", "problems"]


def problems(name: str, model: str = "default") -> list[str]:
    """The faults of the engine of that name, whose `model` is loaded and given sounds of many kinds."""
    trial = Trial(name, model)
    return found_by(all_cases(), trial, trial.spec.exceptions if trial.spec else {})


def all_cases() -> list[Case[Any]]:
    """Every case for an engine that hears."""
    common = (description.cases(), starting.cases(), working.cases(), damage.cases())
    return [
        case for cases in (*common, sounds.cases(), files.cases(), asking.cases(), streams.cases()) for case in cases
    ]
