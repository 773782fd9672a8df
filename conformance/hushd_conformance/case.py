"""A case of the suite, and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hushd_protocol.errors import HushdError, reason

T = TypeVar("T", contravariant=True)

PASSED, FAILED, EXCEPTED, LEFT_OUT = VERDICTS = ("passed", "failed", "excepted", "left out")


class LeftOut(Exception):
    """A case does not apply to the engine, or cannot be played here; the message says why."""


@dataclass(frozen=True, slots=True)
class Case(Generic[T]):
    """A claim about an engine.

    Attributes:
        name: `GROUP.NAME`.
        claim: a sentence that is true if there are no faults.
        faults: the function that plays the case, and yields the faults, each the end of a sentence. It may raise
            `LeftOut`.
        costly: whether it starts processes or takes minutes; `problems` leaves it out.
    """

    name: str
    claim: str
    faults: Callable[[T], Iterable[str]]
    costly: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a case: `words` are its faults, or the reason why it was left out or is an exception."""

    case: str
    verdict: str
    words: tuple[str, ...] = ()
    cpu_s: float = 0.0


def play(case: Case[T], trial: T, exceptions: Mapping[str, str]) -> Outcome:
    """Plays a case; any exception of the engine is a fault.

    Args:
        exceptions: the known faults of the engine, as reasons by the names of cases.
    """
    faults: list[str] = []
    try:
        faults.extend(case.faults(trial))
    except LeftOut as why:
        return Outcome(case.name, LEFT_OUT, (str(why),))
    except HushdError as error:
        faults.append(error.message)
    except Exception as error:  # the engine may raise anything
        faults.append(f"it raises {type(error).__name__}: {reason(error)}")
    if not faults:
        return Outcome(case.name, PASSED)
    if case.name in exceptions:
        return Outcome(case.name, EXCEPTED, (exceptions[case.name],))
    return Outcome(case.name, FAILED, tuple(dict.fromkeys(faults)))


def chosen(cases: Sequence[Case[T]], words: str) -> Iterator[Case[T]]:
    """Yields the cases whose names contain one of `words`, separated by commas; all cases if there are none."""
    parts = [part.strip() for part in words.split(",") if part.strip()]
    return (case for case in cases if not parts or any(part in case.name for part in parts))
