"""The table of skips, as pytest's reports give it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import skips

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(3))
@pytest.mark.skipif(True, reason="no card here")
def test_a(number): ...

def test_b(): pytest.skip("no card here")
def test_c(): pytest.skip("no microphone,\\nnor a cable")
def test_d(): ...
"""


@dataclass
class Report:
    nodeid: str
    longrepr: object


def test_reasons_are_counted_once_each() -> None:
    """Tests and whole files apart, the most frequent first; a file that two processes report is one."""
    reports = [
        Report("a.py::test_a", ("a.py", 1, "Skipped: no card")),
        Report("a.py::test_b", ("a.py", 5, "Skipped: no card")),
        Report("b.py", ("b.py", 1, "Skipped: no ray")),
        Report("b.py", ("b.py", 1, "Skipped: no ray")),
    ]
    assert list(skips.table(reports)) == [
        "Skipped:",
        " tests  files  reason",
        "     2         no card",
        "            1  no ray",
    ]
    assert list(skips.table([])) == []


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_run_ends_with_the_table(tmp_path: Path, processes: str) -> None:
    """By one process and by several: a line for each reason, none for each test, and a file by its own."""
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "test_file.py").write_text(
        "import pytest\npytest.importorskip('no_such_package', reason='no package')\n"
    )
    command = [
        sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-n", processes,
        "--confcutdir", str(ROOT), "-p", "no:cacheprovider", "-p", "conftest", "-q", str(tmp_path),
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests"), "PYTEST_XDIST_AUTO_NUM_WORKERS": "2"}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]  # of the run that runs this
    run = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=100, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    first = lines.index("Skipped:")
    assert lines[first + 1 : first + 5] == [
        " tests  files  reason",
        "     4         no card here",
        "     1         no microphone, nor a cable",
        "            1  no package",
    ]
    assert "SKIPPED" not in run.stdout
