"""Faults of a recorded sentence, and the meter."""

from __future__ import annotations

import math
from array import array

import pytest
from hushd_tune.loudness import fault, meter, peak

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


@pytest.mark.parametrize("columns", [1, 20, 40, 80, 300])
def test_the_meter_fits_a_terminal(columns: int) -> None:
    """It is full at the limit, empty in silence, and never longer than 45 characters or a narrow terminal allows."""
    full, empty = meter(32768, columns), meter(0, columns)
    assert "." not in full.partition("]")[0]
    assert "#" not in empty
    assert full.endswith(" too loud")
    assert len(empty) <= max(3, min(columns, 32))


def test_the_lowest_sample_is_as_loud_as_the_highest() -> None:
    """A peak has no sign; an odd last byte is left out."""
    assert peak(array("h", [0, -32768, 5]).tobytes()) == 32768
    assert peak(b"\x01") == 0
