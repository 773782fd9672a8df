"""The lines that a terminal still shows, one of which may be replaced. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from hushd.reports.display import columns_of

KEPT = 200  # lines: more than terminals have rows


class Page:
    """Lines as they were written, the last one above the cursor."""

    def __init__(self) -> None:
        self._lines: list[tuple[Hashable, str]] = []

    def add(self, name: Hashable, text: str) -> None:
        """Takes a line that was written below the others; None is the name of one that is never replaced."""
        self._lines = [*self._lines[1 - KEPT :], (name, text)]

    def replace(self, names: Collection[Hashable], texts: Sequence[str], columns: int, rows: int) -> tuple[int, str]:
        """Puts `texts` in the place of the lines of these `names`.

        Args:
            columns, rows: of the terminal, whose last row is the cursor's.

        Returns:
            the rows to go up, and all the text to write from there on; nothing where the terminal does not show all of
            these lines any more.
        """
        places = [place for place, (name, _) in enumerate(self._lines) if name in names]
        if len(places) < len(names) or not places:
            return 0, ""
        below = self._lines[places[0] :]
        height = sum(height_of(text, columns) for _, text in below)
        if height >= rows:
            return 0, ""
        rest = [line for line in below if line[0] not in names]
        name = (
            next(iter(names)) if len(names) == len(texts) == 1 else None
        )  # a line that has another speaker keeps its own
        self._lines[places[0] :] = [*((name, text) for text in texts), *rest]
        return height, "".join(f"{text}\n" for _, text in self._lines[places[0] :])


def height_of(text: str, columns: int) -> int:
    """The rows that a line takes; a wide character that has no room at the end of a row stands on the next one."""
    rows, column = 1, 0
    for character in text:
        width = columns_of(character)
        if column + width > columns:
            rows, column = rows + 1, 0
        column += width
    return rows
