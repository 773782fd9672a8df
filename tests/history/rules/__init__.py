"""Checks a history by all rules. Shares no code with the product, nor any view of how it works."""

from __future__ import annotations

from collections.abc import Iterable

from ..events import Event
from ..story import History, Verdict
from . import ends, floor, stretches

SLACK_S = 1.0  # for which a message may be under way, and a party busy with something else


def check(events: Iterable[Event]) -> Verdict:
    """Returns what the rules say of a history whose events come in the order of their times."""
    history = History(events)
    verdict = Verdict()
    ends.check(history, verdict)
    stretches.check(history, verdict)
    floor.check(history, verdict, SLACK_S)
    return verdict
