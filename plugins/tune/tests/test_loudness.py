"""Faults of a recorded sentence."""

from __future__ import annotations

import math
from array import array

import pytest
from hushd_tune.loudness import fault

RATE = 16_000
CHUNK = 1600


def tone(level: float, chunks: int = 1) -> list[bytes]:
    samples = [round(32767 * max(-1.0, min(1.0, level * math.sin(n / 5)))) for n in range(CHUNK)]
    return [array("h", samples).tobytes()] * chunks


QUIET = tone(0.001)


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        ([*QUIET, *tone(0.3, 10), *QUIET], ""),
        ([*QUIET, *tone(0.3, 10), *QUIET[:1], b"\0"], ""),  # an odd last byte
        ([*QUIET, array("h", [-32768] * 3 * CHUNK).tobytes() * 4, *QUIET], "distorted"),  # a peak has no sign
        ([*QUIET, *tone(0.3, 2)], "too short"),
        ([], "too short"),
        (tone(0.005, 12), "too quiet"),
        ([bytes(2 * CHUNK)] * 12, "too quiet"),
        ([*QUIET, *tone(1.5, 10), *QUIET], "distorted"),
        ([*tone(0.3, 10), *QUIET], "beginning was cut off"),
        ([*QUIET, *tone(0.3, 10)], "end was cut off"),
    ],
)
def test_faults_of_a_recording(chunks: list[bytes], says: str) -> None:
    """Each has its sentence; a good recording has none."""
    said = fault(chunks, RATE)
    assert says in said if says else not said
