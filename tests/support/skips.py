"""Groups skips by reason, for the end of a run: a line for each test would be hundreds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol


class Report(Protocol):
    """The part of pytest's report that is read: of a skip `longrepr` is the file, the line and the reason."""

    nodeid: str
    longrepr: object


@dataclass
class _Skipped:
    """The tests and the whole files that one reason has left out; several processes may report the same file."""

    tests: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


def table(reports: Iterable[Report]) -> Iterator[str]:
    """Yields the lines of a table, the most frequent reason first; none where nothing was skipped."""
    reasons: dict[str, _Skipped] = defaultdict(_Skipped)
    for report in reports:
        reason = _reason(report.longrepr)
        is_test = "::" in report.nodeid
        (reasons[reason].tests if is_test else reasons[reason].files).add(report.nodeid)
    if not reasons:
        return
    yield "Skipped:"
    yield " tests  files  reason"
    for reason, skipped in sorted(reasons.items(), key=lambda item: (-len(item[1].tests), item[0])):
        yield f"{len(skipped.tests) or '':6}  {len(skipped.files) or '':5}  {reason}"


def count(reports: Iterable[Report]) -> int:
    """The number of tests and whole files that were skipped."""
    return len({report.nodeid for report in reports})


def _reason(longrepr: object) -> str:
    text = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
    return " ".join(text.removeprefix("Skipped: ").split())
