"""Silence in speech: at its end, where an answer would be missed, and before a word at which it goes on. Pure.

Silence is taken from the sound: of the engines only some report the times of words, and those are estimates, while each
leaves silence between most of its words or groups of words. In 11 s of hibari's English there is one every 0.7 s on
average, 1.5 s at most.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

QUIET = 100  # of a sample, -50 dB: no word is lost below
BACK_S = 2.0  # of sound that is searched for the silence before a word
SILENCE_S = 0.03  # the shortest silence that counts; within words, those before a plosive may be as long
BLOCK_S = 0.01
RELATIVELY_QUIET = 0.01  # of the loudest sample: -40 dB


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


def word_start(heard: bytes, rate: int, channels: int) -> int | None:
    """Returns where in these s16le samples, in bytes, the last `SILENCE_S` of the last silence begin; None
    without a silence."""
    samples = array("h", heard)
    size = max(1, int(BLOCK_S * rate)) * channels
    starts = range(len(samples) % size, len(samples), size)
    peaks = [max(max(block), -min(block)) for block in (samples[start : start + size] for start in starts)]
    limit = RELATIVELY_QUIET * max(peaks, default=0)
    blocks = round(SILENCE_S / BLOCK_S)
    for last in range(len(peaks), blocks - 1, -1):
        if max(peaks[last - blocks : last]) <= limit:
            return 2 * starts[last - blocks]
    return None
