"""The progress of a speech, in a line of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hushd.reports.display import clock
from hushd.synthesis.timeline import Sentence

from hushd_cli.commands.listen.progress import BARS


def meter(done: float, total: float, guessed: bool, columns: int) -> str:
    """Returns a line for `done` of `total` seconds; `total` may be `guessed`, or 0 if unknown."""
    if not total:
        return clock(done)[: columns - 1]
    share = min(1.0, (done + 0.001) / total)  # a speech's length comes in whole milliseconds
    amount = f"{clock(done)} of {'~' if guessed else ''}{clock(total)}"
    for width in BARS:
        line = "[" + ("#" * int(share * width)).ljust(width) + f"] {amount}"
        if len(line) < columns:
            return line
    return amount[: columns - 1]


def guess(timeline: Sequence[Sentence], characters: int) -> float:
    """Estimates the seconds of a speech of so many characters from the timeline so far; 0 without one."""
    if not timeline or not timeline[-1].text_end:
        return 0.0
    return timeline[-1].end * max(1.0, characters / timeline[-1].text_end)
