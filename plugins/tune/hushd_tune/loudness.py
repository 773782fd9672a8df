"""The fault of a recording. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

FULL = 32768
CLIPPED, CLIPPED_SHARE = 32700, 0.0005  # a sample at its limit; the share of them that is heard as distortion
QUIET_DB = -36.0  # of the loudest moment
SPEECH_SHARE = 0.25  # of the loudest moment: a beginning or an end above it was in the middle of a word
SHORTEST_S = 0.6
_FLOOR_DB = -60.0


def fault(chunks: Sequence[bytes], rate: int) -> str:
    """Returns the fault of a recording as a sentence; empty if it can be used."""
    samples = _samples(b"".join(chunks))
    peaks = [_peak(chunk) for chunk in chunks]
    loudest = max(peaks, default=0)
    if len(samples) < SHORTEST_S * rate:
        return "That was too short."
    if _decibels(loudest) < QUIET_DB:
        return "That was too quiet: come nearer, or turn the microphone up."
    if sum(map(CLIPPED.__le__, map(abs, samples))) > CLIPPED_SHARE * len(samples):
        return "That was too loud, and is distorted: move away, or turn the microphone down."
    if peaks[0] > SPEECH_SHARE * loudest:
        return "The beginning was cut off: press the key, then speak."
    if peaks[-1] > SPEECH_SHARE * loudest:
        return "The end was cut off: press the key when you have finished."
    return ""


def _peak(chunk: bytes) -> int:
    """Returns the largest magnitude of s16le samples, 0 for none."""
    samples = _samples(chunk)
    return max(max(samples), -min(samples)) if samples else 0


def _decibels(level: int) -> float:
    return max(_FLOOR_DB, 20 * math.log10(level / FULL)) if level else _FLOOR_DB


def _samples(chunk: bytes) -> array[int]:
    samples = array("h")
    samples.frombytes(chunk[: len(chunk) // 2 * 2])
    return samples
