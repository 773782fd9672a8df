"""Cuts parts out of a recording, in the form of openai-whisper's `--clip_timestamps`: start, end, start, end, …"""

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
    """Yields each clip of the audio in `blocks`, which begin at `start_s`: the seconds from there to its beginning, and
    its audio.

    Audio after the last clip is not read. A last clip without an end goes on to the end of the recording.

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
    """Audio in blocks of any size, read up to given samples; `position` counts samples from the start of the
    recording."""

    def __init__(self, blocks: Iterable[Samples], position: int) -> None:
        self._blocks = iter(blocks)
        self._rest: Samples | None = None
        self.position = position

    def until(self, end: int) -> Iterator[Samples]:
        """Yields the audio from `position` to the sample `end`, or to the end of the audio."""
        while self.position < end:
            block = next(self._blocks, None) if self._rest is None else self._rest
            if block is None:
                return
            part, rest = block[: end - self.position], block[end - self.position :]
            self._rest = rest if len(rest) else None
            self.position += len(part)
            yield part

    def skip(self, end: int) -> None:
        """Skips the audio up to the sample `end`, if that is ahead."""
        if end < sys.maxsize:
            deque(self.until(end), maxlen=0)
