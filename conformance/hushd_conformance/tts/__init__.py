"""The duties of every engine that speaks: `problems` lists those that one misses, none for one that keeps the
contract.

`hushd engine check NAME` prints it, and a test of an engine asserts that there are none. The whole suite is
`python -m hushd_conformance NAME`.
"""

from __future__ import annotations

from typing import Any

from hushd_conformance import suite
from hushd_conformance.case import Case

from . import asking, texts
from .trial import Trial

__all__ = ["Trial", "all_cases", "problems"]


def problems(name: str, model: str = "default") -> list[str]:
    """The faults of the engine of that name, which loads `model` and speaks with a voice of it."""
    return suite.problems(Trial(name, model), all_cases())


def all_cases() -> list[Case[Any]]:
    """Every case for an engine that speaks."""
    return [*suite.common(), *texts.cases(), *asking.cases()]
