"""Draws memory over time as bars in a terminal. Pure."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_NUMBER = 5  # columns of a value beside the bars


def speaks_unicode() -> bool:
    """Returns whether blocks and dots can be shown on standard output."""
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "") == "utf8" and (
        os.environ.get("TERM") != "linux"
    )


def round_up(value: float) -> float:
    """Rounds up to 1, 2, 4, 5 or 10 times a power of ten, so that quarters are round numbers."""
    scale = 10.0 ** (len(str(int(value))) - 1)
    return next(step * scale for step in (1, 2, 4, 5, 6, 8, 10) if step * scale >= value)


def chart(
    values: Sequence[float],
    above: Sequence[float],
    height: int,
    top: float,
    *,
    fine: bool,
    behind: Sequence[float] = (),
) -> list[str]:
    """Returns `height` lines of bars, one a column, from 0 to `top` beside a scale; dots mark higher values of `above`.

    Args:
        behind: shaded where they are higher than `values`.
        fine: whether to draw eighths of a line, which needs Unicode.
    """
    lines = []
    columns = [*zip(values, above, behind or [0.0] * len(values), strict=True)]
    for row in reversed(range(height)):
        cells = (_cell(*column, row, height / top, fine) for column in columns)
        lines.append(f"{_label(row, height, top):>{_NUMBER}} {'┤' if fine else '|'}{''.join(cells).rstrip()}")
    return lines


def columns_for_bars(width: int) -> int:
    """Returns the number of bars in lines of `width` columns."""
    return max(1, width - _NUMBER - 3)


def indent() -> str:
    """Returns blanks as wide as the scale."""
    return " " * (_NUMBER + 2)


def _label(row: int, height: int, top: float) -> str:
    if row == height - 1:
        return f"{top:g}"
    return "0" if row == 0 else f"{top / 2:g}" if row == height // 2 and height > 3 else ""


def _cell(value: float, above: float, behind: float, row: int, scale: float, fine: bool) -> str:
    filled = min(1.0, max(0.0, value * scale - row))
    eighths = round(filled * 8) or (1 if row == 0 and value > 0 else 0)
    if not eighths and int(above * scale - 1e-9) == row and above > value:
        return "·" if fine else "."
    if not eighths and behind * scale > (row + 0.5 if row else 0):
        return "░" if fine else ":"
    if fine:
        return _EIGHTHS[eighths]
    return "#" if eighths >= 4 or (eighths and row == 0) else " "
