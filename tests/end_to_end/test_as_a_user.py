"""The tests of permissions once more, as a user: root may read and write everything, and so proves little of a refusal.

In a user namespace root is another user, without a right over what is not theirs, and owns the same files: a clone that
nobody else may read can be run there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
AS_A_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def _cannot() -> str:
    """The reason why nobody can be another user here, empty where somebody can."""
    if os.getuid() != 0:
        return "all tests were run as a user: only root runs those of permissions as both"
    if not shutil.which("unshare") or subprocess.run([*AS_A_USER, "true"], capture_output=True, check=False).returncode:
        return "no user namespace can be made here: the tests of permissions were run as root alone"
    return ""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: those of sockets have a bound."""
    made = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.mark.timeout(600)  # three hundred tests; ten seconds of a calm machine
def test_permissions_hold_for_a_user(folder: Path) -> None:
    """Each test marked `permissions` passes; those that only root can set up are skipped there, and run here."""
    if reason := _cannot():
        pytest.skip(reason)
    files = [str(path) for path in sorted(TESTS.rglob("test_*.py")) if "mark.permissions\n" in path.read_text()]
    assert len(files) > 10
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    options = ["-q", "-n", "0", "-m", "permissions", "-p", "no:cacheprovider", f"--basetemp={folder}/t"]
    run = subprocess.run(
        [*AS_A_USER, sys.executable, "-m", "pytest", *options, *files],
        capture_output=True, text=True, cwd=TESTS.parent, env=environment, timeout=590, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed
    assert int(passed[1]) > 250
    reasons = run.stdout.partition("Skipped:")[2]
    assert [line for line in reasons.splitlines()[2:] if re.match(r" +\d", line) and "only root can" not in line] == []
