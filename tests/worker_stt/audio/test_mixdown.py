"""Channels become one, and no word is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.audio.inlet import Mixdown
from support.stt_jobs import Ask, Bare, encoded
from support.wer import word_error_rate

RATE = 16_000


def mixed(channels: np.ndarray, block: int = RATE) -> tuple[Mixdown, np.ndarray]:
    mixdown = Mixdown()
    blocks = [mixdown(channels[start : start + block]) for start in range(0, len(channels), block)]
    return mixdown, np.concatenate(blocks)


def test_opposite_phase_is_heard(ask: Ask, bare: Bare, beckett: np.ndarray) -> None:
    """One channel the other upside down, in a file or raw: every word is heard, and the result says how."""
    said = beckett[: int(5.8 * RATE)]
    channels = np.stack((said, -0.9 * said), axis=1)
    raw = np.round(channels * 32767).astype("<i2").tobytes()
    for asked in (ask(encoded(channels)), ask(raw, {"format": "s16le", "channels": 2})):
        assert word_error_rate(bare(said), asked.text) <= 1 / 8
        assert [warning["code"] for warning in asked.result["warnings"]] == ["channels_cancel"]


@pytest.mark.parametrize("count", [2, 6])
def test_all_others_are_their_mean(beckett: np.ndarray, count: int) -> None:
    """The same in all channels, speech in one, different noise in each, or silence: the mean, without a warning."""
    rng = np.random.default_rng(4)
    alone = np.zeros((len(beckett), count), np.float32)
    alone[:, -1] = beckett
    for channels in (
        np.repeat(beckett[:, None], count, axis=1),
        alone,
        rng.standard_normal((5 * RATE, count)).astype(np.float32),
        np.zeros((5 * RATE, count), np.float32),
    ):
        mixdown, mono = mixed(channels)
        assert not mixdown.cancelled
        assert np.abs(mono - channels.mean(axis=1)).max() <= 1e-6


def test_one_channel_is_kept_to(beckett: np.ndarray) -> None:
    """The one channel stays so over pauses and moments in which the other one differs."""
    channels = np.stack((beckett, -beckett), axis=1)
    channels[4 * RATE : 4 * RATE + RATE // 4, 1] *= -1
    mixdown, mono = mixed(channels)
    assert mixdown.cancelled
    assert np.array_equal(np.abs(mono), np.abs(beckett))


def test_a_moment_of_opposite_phase_is_not_enough(beckett: np.ndarray) -> None:
    """A second in which channels happen to be opposite does not change the way the recording is mixed."""
    channels = np.repeat(beckett[:, None], 2, axis=1)
    channels[5 * RATE : 6 * RATE, 1] *= -1
    mixdown, mono = mixed(channels)
    assert not mixdown.cancelled
    assert np.array_equal(mono[: 5 * RATE], beckett[: 5 * RATE])
