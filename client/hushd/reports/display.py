"""Tables, widths and times on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar
from unicodedata import combining, east_asian_width

Row = TypeVar("Row")


class Column(NamedTuple, Generic[Row]):
    """A column: its title, and the cell of a row."""

    title: str
    cell: Callable[[Row], str]
    left: bool = False


def laid_out(columns: Sequence[Column[Row]], rows: Sequence[Row], width: int) -> list[str]:
    """Returns a line of titles and a line a row; drops the last columns until lines have at most `width` characters."""
    made = [_lay_out(column, rows) for column in columns]
    while len(made) > 1 and sum(len(column[0]) + 2 for column in made) - 2 > width:
        made.pop()
    return ["  ".join(row).rstrip() for row in zip(*made, strict=True)]


def _lay_out(column: Column[Row], rows: Sequence[Row]) -> list[str]:
    cells = [column.title, *(column.cell(row) for row in rows)]
    size = max(map(len, cells))
    return [cell.ljust(size) if column.left else cell.rjust(size) for cell in cells]


def columns_of(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    return sum(0 if combining(sign) else 1 + (east_asian_width(sign) in "WF") for sign in text)


def clock(seconds: float) -> str:
    """`m:ss` or `h:mm:ss`."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"
