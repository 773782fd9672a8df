"""Cases of text-to-speech engines: a test of an engine asserts that `problems` finds none."""

from __future__ import annotations

from typing import Any

from hushd_conformance import case, contract

from . import speaking
from .trial import Trial


def all_cases() -> list[case.Case[Any]]:
    return [*contract.cases(), *speaking.cases()]


def problems(name: str, model: str = "default") -> list[str]:
    """Loads `model` in the engine of that name, tries it with many kinds of text, and returns the faults."""
    return case.problems(all_cases(), Trial(name, model))
