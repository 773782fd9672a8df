"""The duties of every engine that hears: `problems` lists those that one misses, none for one that keeps the
contract.

`hushd engine check NAME` prints it, and a test of an engine asserts that there are none. The whole suite is
`python -m hushd_conformance NAME`.
"""

from __future__ import annotations

from typing import Any

from hushd_conformance import suite
from hushd_conformance.case import Case

from . import asking, files, sounds, streams
from .trial import Trial

__all__ = ["Trial", "all_cases", "problems"]


def problems(name: str, model: str = "default") -> list[str]:
    """The faults of the engine of that name, whose `model` is loaded and given sounds of many kinds."""
    return suite.problems(Trial(name, model), all_cases())


def all_cases() -> list[Case[Any]]:
    """Every case for an engine that hears."""
    return [*suite.common(), *sounds.cases(), *files.cases(), *asking.cases(), *streams.cases()]
