"""The defences with the newest pyzmq that can be had, which a user's environment may hold tomorrow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
LIMIT_S = 540


@pytest.mark.night
@pytest.mark.timeout(LIMIT_S + 60)
def test_all_defences_hold_with_the_newest_pyzmq(tmp_path: Path) -> None:
    """Every test of this folder, in processes that load it in place of the installed one, supervisors among them."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(tmp_path)]
    fetched = subprocess.run([*pip, "pyzmq"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if fetched.returncode:
        pytest.skip(f"no newer pyzmq can be fetched here: {fetched.stderr.strip().splitlines()[-1]}")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", "import zmq; print(zmq.__file__)"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(loaded.stdout.strip()).is_relative_to(tmp_path)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(HERE)]
    outcome = subprocess.run(
        tests, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert outcome.returncode == 0, outcome.stdout[-5000:]
