"""The quiet at the end of a speech, in which an answer would be missed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

QUIET = 100  # of a sample, -50 dB: no word is lost below


def without_tail(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields s16le samples without the quiet at their end, in which an answer would be missed.

    Voices leave up to half a second there.
    """
    held = b""
    for chunk in chunks:
        end = _loud_end(chunk)
        if end:
            yield held + chunk[:end]
            held = b""
        held += chunk[end:]


def _loud_end(chunk: bytes) -> int:
    """Returns the number of bytes up to the last audible sample."""
    samples = array("h", chunk)
    for index in range(len(samples) - 1, -1, -1):
        if not -QUIET < samples[index] < QUIET:
            return 2 * index + 2
    return 0
