"""The line that says how far a download is."""

from __future__ import annotations

import pytest
from hushd_cli.terminal.progress import download as line


@pytest.mark.parametrize(
    ("done", "total", "rate", "columns", "shown"),
    [
        (0, 0, 0, 80, "whisper/base …"),
        (59e6, 148e6, 0, 80, "whisper/base [###########                   ] 59 of 148 MB"),
        (74e6, 148e6, 12.5e6, 60, "whisper/base [#####     ] 74 of 148 MB, 12 MB/s, 0:06 left"),
        (74e6, 148e6, 12.5e6, 46, "whisper/base 74 of 148 MB, 12 MB/s, 0:06 left"),
        (74e6, 148e6, 12.5e6, 20, "50 %"),
        (1.5e6, 3e6, 1e5, 70, "whisper/base [#####     ] 1.5 of 3.0 MB, 0.1 MB/s, 0:15 left"),
        (0.5e9, 1.04e9, 0, 60, "whisper/base [####      ] 0.50 of 1.04 GB"),
    ],
)
def test_it_fits(done: float, total: float, rate: float, columns: int, shown: str) -> None:
    """As much as there is room for, and never the last column."""
    made = line("whisper/base", done, total, rate, columns)
    assert made == shown
    assert len(made) < columns


def test_no_width_is_too_small() -> None:
    """Of any terminal."""
    for columns in range(1, 90):
        assert len(line("x" * 50, 5e8, 1e9, 1e6, columns)) < columns, columns
        assert len(line("x" * 50, 0, 0, 0, columns)) < columns, columns
