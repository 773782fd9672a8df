"""The place in speech from which it goes on after a pause: the silence before the word that was cut. Pure.

Silence is taken from the sound: of the engines only some report the times of words, and those are estimates, while each
leaves silence between most of its words or groups of words. In 11 s of hibari's English there is one every 0.7 s on
average, 1.5 s at most.
"""

from __future__ import annotations

from array import array

BACK_S = 2.0  # of sound that is searched
SILENCE_S = 0.03  # the shortest silence that counts; within words, those before a plosive may be as long
BLOCK_S = 0.01
QUIET = 0.01  # of the loudest sample: -40 dB


def word_start(heard: bytes, rate: int, channels: int) -> int | None:
    """Returns where in these s16le samples, in bytes, the last `SILENCE_S` of the last silence begin; None
    without a silence."""
    samples = array("h", heard)
    size = max(1, int(BLOCK_S * rate)) * channels
    starts = range(len(samples) % size, len(samples), size)
    peaks = [max(max(block), -min(block)) for block in (samples[start : start + size] for start in starts)]
    limit = QUIET * max(peaks, default=0)
    blocks = round(SILENCE_S / BLOCK_S)
    for last in range(len(peaks), blocks - 1, -1):
        if max(peaks[last - blocks : last]) <= limit:
            return 2 * starts[last - blocks]
    return None
