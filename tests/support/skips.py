"""Groups skips by reason, for the end of a run: a line for each test would be hundreds.

Where a whole engine is missing, one test of each of its files is skipped, and stands for the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pytest

FOR = "stands for"  # a property of a report: how many tests its skip stands for, itself among them


class Report(Protocol):
    """The part of pytest's report that is read: of a skip `longrepr` is the file, the line and the reason."""

    nodeid: str
    longrepr: object
    user_properties: list[tuple[str, object]]


def again(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Returns the tests that a mark skips for the reason of one before them in their file."""
    first: dict[tuple[Path, str], pytest.Item] = {}
    others: dict[pytest.Item, pytest.Item] = {}
    for item in items:
        reason = next((str(m.kwargs["reason"]) for m in item.iter_markers("skipif") if m.args[0] is True), None)
        if reason is not None and (one := first.setdefault((item.path, reason), item)) is not item:
            others[item] = one
    for one in first.values():
        one.user_properties.append((FOR, 1 + sum(each is one for each in others.values())))
    return set(others)


@dataclass
class _Skipped:
    """The tests and the whole files that one reason has left out; several processes may report the same file."""

    tests: dict[str, int] = field(default_factory=dict)  # each, with how many it stands for
    files: set[str] = field(default_factory=set)


def table(reports: Iterable[Report]) -> Iterator[str]:
    """Yields the lines of a table, the most frequent reason first; none where nothing was skipped."""
    reasons: dict[str, _Skipped] = defaultdict(_Skipped)
    for report in reports:
        reason = _reason(report.longrepr)
        if "::" in report.nodeid:
            reasons[reason].tests[report.nodeid] = int(str(dict(report.user_properties).get(FOR, 1)))
        else:
            reasons[reason].files.add(report.nodeid)
    if not reasons:
        return
    yield "Skipped:"
    yield " tests  files  reason"
    for reason, skipped in sorted(reasons.items(), key=lambda item: (-sum(item[1].tests.values()), item[0])):
        yield f"{sum(skipped.tests.values()) or '':6}  {len(skipped.files) or '':5}  {reason}"


def count(reports: Iterable[Report]) -> int:
    """The number of tests and whole files that were skipped."""
    return len({report.nodeid for report in reports})


def _reason(longrepr: object) -> str:
    text = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
    return " ".join(text.removeprefix("Skipped: ").split())
