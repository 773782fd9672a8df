"""`scripts/gpu` without a card: its first words, its limits of time, and its section of docs/BENCHMARKS.md."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gpu
import pytest
from benches.cards.stage import Stage
from benches.stage import Row
from section import BENCHMARKS
from support import fake_cuda
from support.outside import needs

SCRIPT = Path(gpu.__file__)


def test_it_says_first_what_is_missing() -> None:
    """Every package, before any is imported: a Python with nothing but the standard library gets no traceback."""
    done = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "Nothing was measured."
    for package in gpu.NEEDED.values():
        assert f"missing: the package {package}" in lines


@needs("cc")
def test_libraries_of_the_driver_are_looked_for(tmp_path: Path) -> None:
    """Each by its name, where the system's loader finds them."""
    found = os.environ | fake_cuda.environment(tmp_path)
    program = "import sys; sys.path[:0] = sys.argv[1:]; import gpu; print(gpu.missing({}, gpu.DRIVER[:1]))"
    for environment, words in ((found, "[]"), ({"LD_LIBRARY_PATH": "/nowhere"}, '["libcuda.so.1, of')):
        command = [sys.executable, "-c", program, str(SCRIPT.parent)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(words)


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


def test_the_section_has_the_card_and_every_row() -> None:
    """It has the missed goals, the figures beside, and the reasons of rows that were not run."""
    rows = [
        Row("cold", 9.81, "s", "<= 8", None, False),
        Row("left", 0.0, "MiB", "0", 4100.0, True, "while it ran"),
        Row("a part", None, "", note="not run: no such card"),
    ]
    text = gpu.section("NVIDIA H100, 85 GB", "2026-11-26", rows)
    assert text.startswith("Of 2026-11-26, on NVIDIA H100, 85 GB;")
    assert "| cold | 9.81 s | <= 8 | *missed* |" in text
    assert "| left | 0 MiB | 0 | beside 4,100 MiB; while it ran |" in text
    assert "| a part | not run |  | no such card |" in text


def test_each_number_of_a_card_has_its_row() -> None:
    """Measured times and memory in docs/MEMORY.md's section on cards are in that of BENCHMARKS."""
    measured = BENCHMARKS.read_text().partition("<!-- gpu")[2].partition("<!-- /gpu")[0]
    for number in ("827 MiB", "2,916 MB", "3.25 MiB", "7.2 s", "21 s", "0 MiB"):
        assert number in measured
