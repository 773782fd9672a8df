"""The duties of every text-to-speech engine: `problems` lists the unfulfilled ones.

`hushd engine check NAME` prints them, and a test of an engine asserts that there are none. The whole suite is `python
-m hushd_conformance NAME`.
"""

from __future__ import annotations

from typing import Any

from hushd_conformance import suite
from hushd_conformance.case import Case

from . import asking, texts
from .trial import Trial

__all__ = ["Trial", "all_cases", "problems"]


def problems(name: str, model: str = "default") -> list[str]:
    """Returns the faults of the engine of that name, after loading `model` and speaking with one of its voices."""
    return suite.problems(Trial(name, model), all_cases())


def all_cases() -> list[Case[Any]]:
    """Returns every case for a text-to-speech engine."""
    return [*suite.common(), *texts.cases(), *asking.cases()]
