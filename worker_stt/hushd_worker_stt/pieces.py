"""Cutting audio of any length into pieces an engine takes whole, at the pauses of the speaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .engine import RATE

if TYPE_CHECKING:
    from .engine import Samples

# On ten minutes of read speech 3 to 10 s lost words at the edges; 8 to 15 s made 2.9 % errors at a peak of 293 MB, 10
# to 20 s made 3.1 % at 377 MB, since an encoder's memory grows with the square of the piece.
SHORTEST_S = 8.0
LONGEST_S = 15.0
# Where memory is short: 268 instead of 330 MB at the peak, and 7 instead of 2 % errors in a paragraph read aloud.
SHORTEST_ECONOMY_S = 5.0
LONGEST_ECONOMY_S = 10.0
_FRAME = 320  # samples: 20 ms
_PAUSE = 15  # frames: 0.3 s, longer than the closure of a consonant


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive audio; `start` is in seconds from the start of the whole."""

    start: float
    samples: Samples


def cut(blocks: Iterable[Samples], shortest_s: float = SHORTEST_S, longest_s: float = LONGEST_S) -> Iterator[Piece]:
    """Yields the audio of `blocks` in pieces of `shortest_s` to `longest_s`, cut where 0.3 s are quietest.

    Nothing is lost or doubled: the pieces joined are the blocks joined. Only the last piece may be shorter. Holds
    no more than one piece and one block.
    """
    longest = int(longest_s * RATE)
    held: list[Samples] = []
    length, position = 0, 0
    for block in blocks:
        held.append(block)
        length += len(block)
        while length > longest:
            joined = np.concatenate(held)
            end = quietest(joined[:longest], int(shortest_s * RATE))
            yield Piece(position / RATE, joined[:end])
            position += end
            length -= end
            held = [joined[end:]]
    if length:
        yield Piece(position / RATE, np.concatenate(held))


def quietest(samples: Samples, earliest: int) -> int:
    """Where to cut `samples`: the middle of the quietest 0.3 s that begin at or after `earliest`."""
    tail = samples[earliest:]
    count = len(tail) // _FRAME
    energy = np.square(tail[: count * _FRAME].reshape(count, _FRAME)).sum(axis=1, dtype=np.float64)
    if count <= _PAUSE:
        return len(samples)
    sums = np.concatenate(([0.0], np.cumsum(energy)))
    windows = sums[_PAUSE:] - sums[:-_PAUSE]
    return earliest + (int(np.argmin(windows)) * 2 + _PAUSE) * _FRAME // 2
