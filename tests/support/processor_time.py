"""Processor time of tests, `scripts/test --processor-times 40`: on a busy machine the only time that can be compared.

`--record` keeps that of each file in tests/seconds.json, by which the dearest begin.

Counted are the process that runs the tests and its children, once it has waited for them; so a supervisor counts with
its workers, in the test that ends it. Collection has a line of its own, for each of xdist's processes.
"""

from __future__ import annotations

import json
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

RECORD = Path(__file__).parents[1] / "seconds.json"


def spent_s() -> float:
    """Seconds of processor time that this process and its ended children have taken."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mb() -> int:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def recorded() -> dict[str, int]:
    """The seconds of each file that took a second or more when it was last recorded."""
    return json.loads(RECORD.read_text())  # type: ignore[no-any-return]


class ProcessorTimes:
    """Measures each test where it runs, and prints the dearest, and the dearest files, where the reports arrive."""

    def __init__(self, shown: int, kept: bool = False) -> None:
        self.shown = shown
        self.kept = kept
        self.began = 0.0
        self.tests: Counter[str] = Counter()
        self.grown: Counter[str] = Counter()  # MB by which each raised its process's peak
        self.peak_mb = 0
        self.collections: list[float] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keeps what imports and collection have cost in this process."""
        if not hasattr(session.config, "workerinput"):
            self.collections.append(spent_s())
        else:
            session.config.workeroutput["collection_s"] = spent_s()  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Takes the cost of collection from a process of xdist that ends."""
        self.collections.append(getattr(node, "workeroutput", {}).get("collection_s", 0.0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self.began = spent_s()
        self.peak_mb = self.peak_mb or peak_mb()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
        """Writes what setup, the test and teardown took into the report, which xdist carries."""
        report = yield
        now = spent_s()
        report.processor_s = now - self.began  # type: ignore[attr-defined]
        self.began = now
        mb = peak_mb()
        report.peak_mb, report.grown_mb = mb, mb - self.peak_mb  # type: ignore[attr-defined]
        self.peak_mb = mb
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid] += getattr(report, "processor_s", 0.0)
        self.grown[report.nodeid] += getattr(report, "grown_mb", 0)
        self.peak_mb = max(self.peak_mb, getattr(report, "peak_mb", 0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        files: Counter[str] = Counter()
        for test, seconds in self.tests.items():
            files[test.partition("::")[0]] += seconds
        if self.kept:
            seconds = recorded() | {file: round(total) for file, total in files.items()}
            there = {file: total for file, total in seconds.items() if total and (RECORD.parents[1] / file).exists()}
            RECORD.write_text(json.dumps(there, indent=1, sort_keys=True) + "\n")
        terminalreporter.section("processor time")
        for counted in (files, self.tests):
            for name, seconds in counted.most_common(self.shown):
                terminalreporter.write_line(f"{seconds:8.2f} s  {name}")
            terminalreporter.write_line("")
        for name, mb in self.grown.most_common(self.shown if self.peak_mb else 0):
            terminalreporter.write_line(f"{mb:+8} MB  {name}")
        terminalreporter.write_line(f"The largest process of tests took {self.peak_mb} MB.")
        each = ", ".join(f"{seconds:.1f} s" for seconds in self.collections)
        terminalreporter.write_line(f"{self.tests.total():.1f} s in all tests; collection: {each}")
