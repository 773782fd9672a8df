"""The duties of every wake-word engine: `problems` lists the unfulfilled ones.

`hushd engine check NAME` prints them, and a test of an engine asserts that there are none. The whole suite is `python
-m hushd_conformance NAME`.
"""

from __future__ import annotations

from typing import Any

from hushd_conformance import suite
from hushd_conformance.case import Case

from . import asking, sounds
from .trial import Trial

__all__ = ["Trial", "all_cases", "problems"]


def problems(name: str, model: str = "default") -> list[str]:
    """Returns the faults of the engine of that name, after loading `model` and giving it many kinds of sounds."""
    return suite.problems(Trial(name, model), all_cases())


def all_cases() -> list[Case[Any]]:
    """Returns every case for a wake-word engine."""
    return [*suite.common(), *sounds.cases(), *asking.cases()]
