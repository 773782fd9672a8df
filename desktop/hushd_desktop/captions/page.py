"""The lines that a terminal shows, which can be replaced. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from hushd.reports.display import columns_of

MAX_LINES = 200  # lines: more than terminals have rows


class Page:
    """The written lines, the last one above the cursor."""

    def __init__(self) -> None:
        self._lines: list[tuple[Hashable, str]] = []

    def add(self, name: Hashable, text: str) -> None:
        """Adds a line written below the others; a line with the name None is never replaced."""
        self._lines = [*self._lines[1 - MAX_LINES :], (name, text)]

    def replace(self, names: Collection[Hashable], texts: Sequence[str], columns: int, rows: int) -> tuple[int, str]:
        """Replaces the lines of these `names` by `texts`.

        Args:
            columns, rows: the size of the terminal; its last row is the cursor's.

        Returns:
            the rows to go up, and the text to write from there on; nothing if some of the lines are off the screen.
        """
        places = [place for place, (name, _) in enumerate(self._lines) if name in names]
        if len(places) < len(names) or not places:
            return 0, ""
        below = self._lines[places[0] :]
        height = sum(height_of(text, columns) for _, text in below)
        if height >= rows:
            return 0, ""
        remaining = [line for line in below if line[0] not in names]
        name = next(iter(names)) if len(names) == len(texts) == 1 else None  # a line of another speaker keeps its name
        self._lines[places[0] :] = [*((name, text) for text in texts), *remaining]
        return height, "".join(f"{text}\n" for _, text in self._lines[places[0] :])


def height_of(text: str, columns: int) -> int:
    """Returns the rows that a line takes; a wide character that does not fit in a row starts the next one."""
    rows, column = 1, 0
    for character in text:
        width = columns_of(character)
        if column + width > columns:
            rows, column = rows + 1, 0
        column += width
    return rows
