"""Two runs share the tests: what passed in the first and touches no engine is left out of the second."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import passed


def report(name: str, when: str, outcome: str) -> pytest.TestReport:
    return pytest.TestReport(f"tests/{name}", ("", 0, ""), {}, outcome, None, when)  # type: ignore[arg-type]


def test_what_need_not_run_again(tmp_path: Path) -> None:
    """Only tests that passed to the end: none that was skipped, failed, broke at its end, or touches an engine."""
    writer = passed.Writer(tmp_path / "passed")
    for name, call, teardown in (
        ("client/test_a.py::whole", "passed", "passed"),
        ("client/test_a.py::skipped", "skipped", "passed"),
        ("client/test_a.py::failed", "failed", "passed"),
        ("client/test_a.py::broken", "passed", "failed"),
        ("worker_stt/test_b.py::engine", "passed", "passed"),
    ):
        writer.pytest_runtest_logreport(report(name, "setup", "passed"))
        writer.pytest_runtest_logreport(report(name, "call", call))
        writer.pytest_runtest_logreport(report(name, "teardown", teardown))
    writer.pytest_sessionfinish()
    assert passed.read(tmp_path / "passed") == {"tests/client/test_a.py::whole"}


def test_a_summary_counts_by_folder() -> None:
    """The number in all, and by the first folder below tests/."""
    names = ["tests/client/a/test_a.py::x", "tests/client/test_b.py::y[1]", "tests/schema/test_c.py::z"]
    assert list(passed.summary(names)) == [
        "Left out, since they passed in the run before and touch no engine: 3 tests.",
        "  client 2, schema 1",
    ]
