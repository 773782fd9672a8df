"""How far a speech is, in a line of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hushd.cli.listen.progress import BARS
from hushd.display import clock
from hushd.synthesis.timeline import Sentence


def meter(done: float, total: float, guessed: bool, columns: int) -> str:
    """`done` of `total` seconds, which may be `guessed`, or 0 where they are not even that."""
    if not total:
        return clock(done)[: columns - 1]
    share = min(1.0, (done + 0.001) / total)  # a speech's length is told in whole milliseconds
    amount = f"{clock(done)} of {'~' if guessed else ''}{clock(total)}"
    for width in BARS:
        line = "[" + ("#" * int(share * width)).ljust(width) + f"] {amount}"
        if len(line) < columns:
            return line
    return amount[: columns - 1]


def guess(timeline: Sequence[Sentence], characters: int) -> float:
    """Seconds of a speech whose text has so many characters, by what is known of its beginning; 0: nothing is."""
    if not timeline or not timeline[-1].text_end:
        return 0.0
    return timeline[-1].end * max(1.0, characters / timeline[-1].text_end)
