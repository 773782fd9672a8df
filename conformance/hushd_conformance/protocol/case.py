"""A case of the suite, and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from hushd_protocol.errors import HushdError

T = TypeVar("T")


class Fault(Exception):
    """The other side breaks the protocol; the message is the end of a sentence about it."""


class LeftOut(Exception):
    """The case does not apply to the other side; the message says why."""


class Case(NamedTuple, Generic[T]):
    """A claim of docs/PROTOCOL.md, and a function that tests it and raises `Fault` or `LeftOut`."""

    name: str
    claim: str
    play: Callable[[T], None]


def play(cases: Iterable[Case[T]], make: Callable[[], T], close: Callable[[T], None]) -> int:
    """Plays each case to a new side, prints a line for each, and returns the number of failures."""
    verdicts = []
    for case in cases:
        side = make()
        try:
            case.play(side)
            verdict, words = "passed", ""
        except LeftOut as why:
            verdict, words = "left out", str(why)
        except Fault as fault:
            verdict, words = "failed", f"{case.claim} But {fault}."
        except HushdError as error:  # from the codec
            verdict, words = "failed", f"{case.claim} But it sent this: {error.message}"
        finally:
            close(side)
        verdicts.append(verdict)
        print(f"{case.name:18} {verdict:9} {words}".rstrip(), flush=True)
    failed = verdicts.count("failed")
    print(f"{len(verdicts)} cases, {verdicts.count('passed')} passed, {failed} failed.")
    return failed
