"""Parts of a recording, as openai-whisper's `--clip_timestamps` names them: start, end, start, end, …"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from hushd_worker_stt.engine import RATE

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples


def clipped(
    blocks: Iterable[Samples], bounds: Sequence[float], start_s: float
) -> Iterator[tuple[float, Iterator[Samples]]]:
    """Yields each clip of the audio in `blocks`, which begins at `start_s`: its first second after that, and its audio.

    What follows the last clip is not read. Where the last clip has no end, it goes on to the end of the recording.

    Args:
        bounds: ascending seconds of the whole recording.
    """
    reader = _Reader(blocks, round(start_s * RATE))
    for begin_s, end_s in zip_longest(bounds[::2], bounds[1::2]):
        begin, end = round(begin_s * RATE), sys.maxsize if end_s is None else round(end_s * RATE)
        reader.skip(begin)
        if reader.position < end:
            yield reader.position / RATE - start_s, reader.until(end)
        reader.skip(end)


class _Reader:
    """Audio of blocks of any size, read up to places in it; `position` counts its samples from the whole's start."""

    def __init__(self, blocks: Iterable[Samples], position: int) -> None:
        self._blocks = iter(blocks)
        self._rest: Samples | None = None
        self.position = position

    def until(self, end: int) -> Iterator[Samples]:
        """The audio from `position` to the sample `end`, or to the end of all."""
        while self.position < end:
            block = next(self._blocks, None) if self._rest is None else self._rest
            if block is None:
                return
            part, rest = block[: end - self.position], block[end - self.position :]
            self._rest = rest if len(rest) else None
            self.position += len(part)
            yield part

    def skip(self, end: int) -> None:
        """Passes over the audio up to the sample `end`, if that is ahead."""
        if end < sys.maxsize:
            deque(self.until(end), maxlen=0)
