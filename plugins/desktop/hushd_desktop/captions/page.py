"""The lines that a terminal shows, which can be replaced. Pure."""

from __future__ import annotations

from collections.abc import Hashable

from hushd.reports.display import columns_of

MAX_LINES = 200  # lines: more than terminals have rows


class Page:
    """The written lines, the last one above the cursor."""

    def __init__(self) -> None:
        self._lines: list[tuple[Hashable, str]] = []

    def add(self, name: Hashable, text: str) -> None:
        """Adds a line written below the others; a line with the name None is never replaced."""
        self._lines = [*self._lines[1 - MAX_LINES :], (name, text)]

    def replace(self, name: Hashable, text: str, columns: int, rows: int) -> tuple[int, str]:
        """Replaces the line with this `name` by `text`.

        Args:
            columns, rows: the size of the terminal; its last row is the cursor's.

        Returns:
            the rows to go up, and the text to write from there on; nothing if the line is off the screen.
        """
        place = next((place for place, line in enumerate(self._lines) if line[0] == name), len(self._lines))
        height = sum(height_of(below, columns) for _, below in self._lines[place:])
        if not height or height >= rows:
            return 0, ""
        self._lines[place] = (name, text)
        return height, "".join(f"{line}\n" for _, line in self._lines[place:])


def height_of(text: str, columns: int) -> int:
    """Returns the rows that a line takes; a wide character that does not fit in a row starts the next one."""
    rows, column = 1, 0
    for character in text:
        width = columns_of(character)
        if column + width > columns:
            rows, column = rows + 1, 0
        column += width
    return rows
