"""`scripts/gpu` without a card: its first words, and its limits of time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gpu
import pytest
from benches.cards.stage import Stage
from benches.stage import Row

SCRIPT = Path(gpu.__file__)


def test_it_says_first_what_is_missing() -> None:
    """Every package, before any is imported: a Python with nothing but the standard library gets no traceback."""
    done = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "Nothing was measured."
    for package in gpu.NEEDED.values():
        assert f"missing: the package {package}" in lines


def test_a_part_keeps_to_its_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that hangs ends with its limit and keeps the rows it had; one without enough time left is not begun."""
    began = time.monotonic()

    def hangs(_: Stage) -> Iterator[Row]:
        """A part that hangs."""
        yield Row("first", 1.0, "s")
        time.sleep(30)

    rows = list(gpu._run(hangs, 0.2, Stage(tmp_path), began + 60))
    assert [row.value for row in rows] == [1.0, None]
    assert rows[1] == Row("A part that hangs", None, "", note="not run: it took longer than 0 s")
    (late,) = gpu._run(hangs, 20, Stage(tmp_path), began + 5)
    assert late.note.startswith("not run: it may take 20 s, and ")
    assert time.monotonic() - began < 25
    assert "not run" in capsys.readouterr().out
