"""The demo under python -OO, which has no docstrings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).parents[2] / "lab"


def test_the_demo_needs_no_docstring() -> None:
    """Its help is shown; it once ended with a traceback, since the text of it is the module's docstring."""
    done = subprocess.run([sys.executable, "-OO", LAB / "demo.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
