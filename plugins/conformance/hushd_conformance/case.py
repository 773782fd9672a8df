"""A case of a suite, and its report."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from hushd_protocol.errors import HushdError, reason

T = TypeVar("T", contravariant=True)

PASSED, FAILED, LEFT_OUT = "passed", "failed", "left out"


class LeftOut(Exception):
    """A case does not apply to the engine on trial; the message says why."""


class Case(NamedTuple, Generic[T]):
    """A claim about an engine.

    Attributes:
        name: a word, or `GROUP.NAME`.
        claim: a sentence that is true if there are no faults.
        faults: plays the case, and yields the faults, each the end of a sentence; it may raise `LeftOut`.
    """

    name: str
    claim: str
    faults: Callable[[T], Iterable[str] | None]


def play(case: Case[T], side: T) -> tuple[str, tuple[str, ...]]:
    """Plays a case; returns its verdict, and its faults or why it was left out. Any exception is a fault."""
    faults: list[str] = []
    try:
        faults.extend(case.faults(side) or ())
    except LeftOut as why:
        return LEFT_OUT, (str(why),)
    except HushdError as error:
        faults.append(error.message)
    except Exception as error:  # an engine may raise anything
        faults.append(f"it raises {type(error).__name__}: {reason(error)}")
    return (FAILED, tuple(dict.fromkeys(faults))) if faults else (PASSED, ())


def problems(cases: Iterable[Case[T]], side: T) -> list[str]:
    """Plays the cases; returns a line for each fault."""
    played = ((case.name, *play(case, side)) for case in cases)
    return [f"{name}: {fault}" for name, verdict, faults in played if verdict == FAILED for fault in faults]


def report(cases: Iterable[Case[T]], engine: T, limit_s: float) -> int:
    """Plays each case to an engine, prints a line for each, and returns the number of failures.

    The name is printed before the case is played: it is the last one if an engine ends this process. A case that takes
    longer than `limit_s` seconds ends it with a traceback of all threads.
    """
    verdicts = []
    for case in cases:
        print(f"{case.name:24} ", end="", flush=True)
        faulthandler.dump_traceback_later(limit_s, exit=True)
        try:
            verdict, words = play(case, engine)
        finally:
            faulthandler.cancel_dump_traceback_later()
        verdicts.append(verdict)
        told = f"{case.claim} But {'; '.join(words)[:600]}" if verdict == FAILED else "".join(words)
        print(f"{verdict:9} {told}".rstrip(), flush=True)
    failed = verdicts.count(FAILED)
    left_out = f", {verdicts.count(LEFT_OUT)} left out" if LEFT_OUT in verdicts else ""
    print(f"{len(verdicts)} cases, {verdicts.count(PASSED)} passed, {failed} failed{left_out}.", flush=True)
    return failed


def chosen(cases: Iterable[Case[T]], words: str) -> list[Case[T]]:
    """Returns the cases whose names contain one of `words`, separated by commas; all cases if there are none."""
    parts = [part.strip() for part in words.split(",") if part.strip()]
    return [case for case in cases if not parts or any(part in case.name for part in parts)]
