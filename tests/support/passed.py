"""Two runs on different machines that share the tests: the second leaves out what passed in the first, but for engines.

The first, with `--passed-to FILE`, writes the names of the tests that passed. The second, with `--passed-in FILE`, runs
those that were skipped or do not exist there, and all that touch engines, of which it has others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

# Folders and files whose tests do something else where other engines are installed.
ENGINES = (
    "cli/commands/doctor/", "cli/commands/models/", "cli/commands/tune/", "models/", "test_imports.py", "worker/",
    "worker_models/", "worker_stt/", "worker_tts/", "reading/",
)  # fmt: skip


class Writer:
    """Writes the names of the tests that passed, once all have run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed: set[str] = set()
        self._broken: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._broken.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self._passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._path.write_text("".join(f"{name}\n" for name in sorted(self._passed - self._broken)))


def read(path: Path) -> frozenset[str]:
    """The tests that need not run again: those that passed and touch no engine."""
    names = path.read_text().splitlines()
    return frozenset(name for name in names if not name.removeprefix("tests/").startswith(ENGINES))


def summary(names: Iterable[str]) -> Iterator[str]:
    """Yields lines about the tests that are left out, by folder."""
    folders = Counter(name.removeprefix("tests/").partition("::")[0].partition("/")[0] for name in names)
    yield f"Left out, since they passed in the run before and touch no engine: {folders.total()} tests."
    yield "  " + ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items()))
