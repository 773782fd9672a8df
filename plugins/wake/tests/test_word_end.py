"""The end of a wake word, in sound that is made for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hushd_worker_wake.engine import RATE
from hushd_worker_wake.word_end import RecentSound


def recent(*parts: tuple[float, float]) -> RecentSound:
    """Sound of so many seconds at so many amplitudes each, added in pieces of 70 ms."""
    noise = np.random.default_rng(0)
    samples = np.concatenate([noise.normal(0, level, round(seconds * RATE)) for seconds, level in parts])
    data, sound = samples.astype("<i2").tobytes(), RecentSound()
    for start in range(0, len(data), 2240):
        sound.add(data[start : start + 2240])
    return sound


@pytest.mark.parametrize("before", [1.0, 30.0])
@pytest.mark.parametrize(
    ("parts", "lag", "end"),
    [
        ([(0.8, 3000.0), (0.1, 10.0)], 0.4, 0.8),  # a pause that lasts until the word is known
        ([(0.7, 3000.0), (0.12, 10.0), (0.08, 3000.0)], 0.4, 0.7),  # one that is over
        ([(0.8, 3000.0), (0.05, 10.0), (0.05, 3000.0)], 0.4, -0.6),  # the closure of a plosive is none
        ([(0.9, 3000.0)], 0.4, -0.6),  # said in one breath: before the whole word
        ([(0.9, 3000.0)], 0.1, -0.6),
        ([(0.9, 0.0)], 0.4, 0.5),  # a pause that is longer than the word may be ago
    ],
)  # fmt: skip
def test_the_end_is_at_a_pause_or_early(
    before: float, parts: list[tuple[float, float]], lag: float, end: float
) -> None:
    """It is the beginning of a pause, else before the word, and never within what may be the next one."""
    sound = recent((before, 10.0), *parts)
    assert sound.word_end(before + 0.9, lag) == pytest.approx(before + end, abs=0.021)


def test_a_word_at_the_very_beginning() -> None:
    """The end is the start with less sound than that."""
    assert recent((0.2, 3000.0)).word_end(0.2, 0.4) == 0.0


def test_numpy_waits_for_the_confinement() -> None:
    """Its threads, which Landlock would not reach, begin after it; and without numpy the worker can say so."""
    code = "import sys, hushd_worker_wake.worker; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code]).returncode == 0
