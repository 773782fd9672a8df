"""Tables for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Column(NamedTuple):
    title: str
    cell: Callable[[Any], str]
    left: bool = False


def laid_out(columns: Sequence[Column], rows: Sequence[Any], width: int) -> list[str]:
    """The rows as lines, below one of titles; the last columns are given up until a line has at most `width`
    characters, or there is one left."""
    made = [_lay_out(column, rows) for column in columns]
    while len(made) > 1 and sum(len(column[0]) + 2 for column in made) - 2 > width:
        made.pop()
    return ["  ".join(row).rstrip() for row in zip(*made, strict=True)]


def _lay_out(column: Column, rows: Sequence[Any]) -> list[str]:
    cells = [column.title, *(column.cell(row) for row in rows)]
    size = max(map(len, cells))
    return [cell.ljust(size) if column.left else cell.rjust(size) for cell in cells]
