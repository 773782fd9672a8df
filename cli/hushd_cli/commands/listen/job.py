"""One recording of a command: its request, its result, and its segments on their way to a format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.limits import MAX_PAYLOAD

if TYPE_CHECKING:
    from hushd.transcripts.transcription import Transcription
    from hushd.transport.warning import ResultWarning

    from .journal import Journal


@dataclass(frozen=True, slots=True)
class Done:
    """The transcript of the readable part of a recording."""

    transcript: Transcript
    damage: HushdError | None = None


Event = Segment | Done | BaseException | tuple[float, float]  # the last: seconds done, and the total


@dataclass(slots=True)
class Job:
    """A recording under way, with the segments of an earlier run, and whether it has run beside another one."""

    index: int
    transcription: Transcription
    journal: Journal | None
    segments: list[Segment]
    accompanied: bool = False


class Feed:
    """The segments of one recording, for a format to read.

    Args:
        receive: returns the next segment, and at last the transcript.

    Attributes:
        language, language_probability, warnings, unlikely, damage: known once the segments have been read.
    """

    def __init__(self, receive: Callable[[], Segment | Done], diarized: bool) -> None:
        self._receive = receive
        self.diarized = diarized
        self.language = ""
        self.language_probability: float | None = None
        self.warnings: tuple[ResultWarning, ...] = ()
        self.unlikely: tuple[tuple[float, float], ...] = ()
        self.damage: HushdError | None = None
        self._first: Segment | Done | None = None

    def begin(self) -> None:
        """Waits for the first segment, or the end. Raises the error of a recording that has none."""
        self._first = self._receive()

    def __iter__(self) -> Iterator[Segment]:
        item = self._first or self._receive()
        while isinstance(item, Segment):
            yield item
            item = self._receive()
        self.language, self.warnings = item.transcript.language, item.transcript.warnings
        self.language_probability = item.transcript.language_probability
        self.unlikely, self.damage = item.transcript.unlikely, item.damage


def standard_input() -> Iterator[bytes]:
    """Yields the bytes of standard input as they arrive."""
    return iter(lambda: os.read(0, MAX_PAYLOAD), b"")


def size_of(name: str) -> int:
    """Returns the size of a file in bytes; 0 if unknown."""
    try:
        return os.stat(name).st_size if name != "-" else 0
    except (OSError, ValueError):
        return 0
