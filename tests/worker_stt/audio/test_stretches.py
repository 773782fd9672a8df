"""Levelling stretch by stretch: who is far away is raised beside somebody near, and nobody else is changed."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.audio.level import TARGET_LEVEL, level, normalise, normalised
from hushd_worker_stt.engine import LevelRange

RATE = 16_000
WANTED = LevelRange(TARGET_LEVEL, TARGET_LEVEL)
Span = tuple[int, int]


def speech(*parts: tuple[float, float]) -> tuple[np.ndarray, list[Span]]:
    """Tones of so many decibels and seconds, half a second of quiet after each; and where they are."""
    samples, spans = [np.zeros(0, np.float32)], []
    for decibels, seconds in parts:
        tone = 10 ** (decibels / 20) * np.sin(np.arange(round(seconds * RATE)) * 0.1)
        start = sum(map(len, samples))
        spans.append((start, start + len(tone)))
        samples += [tone.astype(np.float32), np.zeros(RATE // 2, np.float32)]
    return np.concatenate(samples), spans


def levels(samples: np.ndarray, spans: list[Span]) -> list[float]:
    return [level(samples[start:end]) for start, end in spans]


@pytest.mark.parametrize(
    "parts", [((-3, 3), (-45, 3)), ((-45, 3), (-3, 3)), ((-3, 2), (-45, 2), (-3, 2)), ((-60, 2), (-30, 2), (0, 2))]
)
def test_each_stretch_has_its_own_level(parts: tuple[tuple[float, float], ...]) -> None:
    """Near and far, in any order: each comes out at the target."""
    samples, spans = speech(*parts)
    assert levels(normalised(samples, spans, WANTED), spans) == pytest.approx([TARGET_LEVEL] * len(parts), rel=0.02)


@pytest.mark.parametrize(
    "parts", [((-3, 3),), ((-3, 3), (-17, 3)), ((-20, 1), (-10, 1), (-22, 1)), ((-3, 3), (-45, 0.6), (-3, 3))]
)
def test_one_speaker_is_levelled_as_a_whole(parts: tuple[tuple[float, float], ...]) -> None:
    """A speaker louder and softer by less than 15 dB, or a soft word between loud ones, is heard as before, sample
    by sample."""
    samples, spans = speech(*parts)
    assert np.array_equal(normalised(samples, spans, WANTED), normalise(samples, WANTED))


def test_short_words_belong_to_their_speaker() -> None:
    """A soft word at the end of a loud stretch stays with the nearer level of its neighbours; and where two stretches
    are of one level once it has gone, they are one."""
    samples, spans = speech((-3, 2), (-40, 0.4), (-45, 2))
    loud, soft, far = levels(normalised(samples, spans, WANTED), spans)
    assert (loud, soft) == pytest.approx((TARGET_LEVEL, TARGET_LEVEL), rel=0.02)
    assert far == pytest.approx(TARGET_LEVEL * 10 ** (-5 / 20), rel=0.02)
    samples, spans = speech((-30, 2), (-3, 0.3), (-32, 2))
    assert np.array_equal(normalised(samples, spans, WANTED), normalise(samples, WANTED))


def test_silence_and_no_spans_are_as_ever() -> None:
    """A pause is not blown up, and a piece without spans is levelled as a whole."""
    samples, spans = speech((-3, 2), (-100, 2))
    assert levels(normalised(samples, spans, WANTED), spans)[1] < 1e-4
    assert np.array_equal(normalised(samples, [], WANTED), normalise(samples, WANTED))
