"""Levelling: quiet speech becomes loud, silence stays silent, clicks do not count."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.audio import level
from hushd_worker_stt.engine import LevelRange

RATE = 16_000


def tone(amplitude: float, seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


@pytest.mark.parametrize("amplitude", [0.001, 0.003, 0.05, 0.5, 1.0, 40.0])
def test_speech_of_any_level_comes_out_at_the_target(amplitude: float) -> None:
    """The level afterwards is the target's, from 60 dB below full scale to far above it."""
    samples = level.normalise(tone(amplitude, 2))
    assert level.level(samples) == pytest.approx(level.TARGET_LEVEL, rel=0.01)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1.0


@pytest.mark.parametrize(("amplitude", "reached"), [(0.003, 0.1), (0.05, 0.1), (0.9, 0.7), (40.0, 0.7)])
def test_speech_beyond_a_range_comes_to_its_nearer_end(amplitude: float, reached: float) -> None:
    """Quiet speech is raised to what an engine wants at least, loud speech lowered to what it wants at most."""
    assert level.level(level.normalise(tone(amplitude, 2), LevelRange(0.1, 0.7))) == pytest.approx(reached, rel=0.01)


@pytest.mark.parametrize("amplitude", [0.0, 1e-9, 3e-5, 9e-5, 0.11, 0.3, 0.65])
def test_speech_within_a_range_and_silence_are_left_as_they_are(amplitude: float) -> None:
    """No sample is changed: the level is one that the engine was trained on, or a muted microphone's dither."""
    samples = tone(amplitude, 2)
    assert np.array_equal(level.normalise(samples, LevelRange(0.1, 0.7)), samples)


def test_a_word_is_not_cut_off() -> None:
    """A vowel of 0.1 s fills less than its level's ten frames, and keeps its form but for a hundredth."""
    word = np.concatenate([tone(0.01, 0.2), tone(0.5, 0.1), tone(0.01, 0.2)])
    assert np.mean(np.abs(level.normalise(word)) >= 1.0) <= 0.01


def test_a_click_does_not_keep_speech_quiet() -> None:
    """Ten loud frames of a hundred make the level; a full-scale click of some samples does not."""
    samples = tone(0.01, 2)
    samples[5000:5040] = 1.0
    assert level.level(samples) == pytest.approx(0.01, rel=0.05)
    assert np.abs(level.normalise(samples)).max() == 1.0


@pytest.mark.parametrize("length", [0, 1, 319, 320, 321, 3200])
def test_any_length_has_a_level(length: int) -> None:
    """Less than a frame, or nothing at all, is levelled without a fuss."""
    samples = np.full(length, 0.5, np.float32)
    assert level.level(samples) == pytest.approx(0.5 if length else 0.0)
    assert len(level.normalise(samples)) == length


def test_trim_keeps_speech_and_its_margin() -> None:
    """Quiet ends go but for the margin, and the offset tells how much went before the speech."""
    samples = np.concatenate([tone(0.001, 3), tone(0.5, 1), tone(0.001, 2)])
    offset, kept = level.trim(samples, margin=1600)
    assert offset == 3 * RATE - 1600
    assert len(kept) == RATE + 2 * 1600
    assert np.array_equal(kept, samples[offset : offset + len(kept)])


@pytest.mark.parametrize("length", [1, 500, RATE])
def test_trim_leaves_what_has_no_quiet_ends(length: int) -> None:
    """Even silence survives: nothing in it is 20 dB below its own level."""
    for amplitude in (0.0, 0.5):
        offset, kept = level.trim(np.full(length, amplitude, np.float32), margin=100)
        assert offset == 0
        assert len(kept) == length


def test_a_running_gain_follows_the_last_ten_seconds() -> None:
    """Quiet after loud is amplified once the loud is ten seconds past; a click changes nothing."""
    gain = level.RunningGain(512)
    loud, quiet_ = tone(0.7, 10), tone(0.02, 12)
    quiet_[RATE : RATE + 20] = 1.0
    stream = np.concatenate([loud, quiet_])
    frames = [gain.apply(stream[start : start + 512]) for start in range(0, len(stream) - 511, 512)]
    assert np.abs(frames[100]).max() == pytest.approx(level.TARGET_LEVEL, rel=0.05)
    assert np.abs(frames[11 * RATE // 512 + 40]).max() < 0.05
    assert np.abs(frames[-1]).max() == pytest.approx(level.TARGET_LEVEL, rel=0.05)


@pytest.mark.parametrize("amplitude", [0.0, 1e-5, 1e-4])
def test_a_running_gain_lets_a_silent_room_be_quiet(amplitude: float) -> None:
    """No more than a hundredfold, whatever the level, from the first frame on."""
    gain = level.RunningGain(512)
    for _ in range(40):
        assert np.abs(gain.apply(np.full(512, amplitude, np.float32))).max() <= amplitude * 100.1


def test_a_running_gain_is_the_same_after_zeros_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each frame of and after a minute of them has the level that it has without the shortcut."""
    stream = np.concatenate([tone(0.5, 2), np.zeros(60 * RATE, np.float32), tone(0.1, 2)])
    frames = stream[: len(stream) // 512 * 512].reshape(-1, 512)
    short, whole = level.RunningGain(512), level.RunningGain(512)
    monkeypatch.setattr(whole, "_remembered", len(stream))
    for frame in frames:
        assert np.array_equal(short.apply(frame), whole.apply(frame))
        assert short.level == whole.level


def test_quiet_is_where_nobody_speaks_for_longer_than_a_consonant() -> None:
    """It is found at any level; a soft sound and a closure of 0.1 s are speech."""
    for gain in (0.003, 1.0):
        parts = (1.0, 0.5), (0.2, 0.01), (0.5, 0.5), (0.1, 0.0), (0.5, 0.5), (0.5, 0.05)
        samples = np.concatenate([tone(gain * amplitude, seconds) for seconds, amplitude in parts])
        (span,) = level.quiet(samples)
        assert span == pytest.approx((1.0, 1.2))
    assert level.quiet(np.zeros(RATE, np.float32)) == []
