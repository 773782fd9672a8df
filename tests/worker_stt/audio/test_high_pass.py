"""The filter at the door: what a voice has passes as it is, an offset and rumble do not."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.audio.inlet import HighPass

RATE = 16_000


def tone(hertz: float, amplitude: float, seconds: float = 2.0) -> np.ndarray:
    return (amplitude * np.cos(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def through(samples: np.ndarray, size: int) -> np.ndarray:
    high_pass = HighPass()
    return np.concatenate([high_pass(samples[at : at + size]) for at in range(0, len(samples), size)])


def test_clean_audio_passes_untouched(beckett: np.ndarray) -> None:
    """A person, silence, and a room that hums softly: to the last bit, in blocks of any size."""
    for samples in (beckett, np.zeros(RATE, np.float32), beckett + tone(50, 0.005, 20)[: len(beckett)]):
        for size in (512, 1600, RATE):
            assert np.array_equal(through(samples, size), samples)


@pytest.mark.parametrize("hertz", [0.0, 10.0, 30.0])
@pytest.mark.parametrize("amplitude", [0.05, 0.3, 3.0])
def test_rumble_goes_and_the_voice_stays(hertz: float, amplitude: float) -> None:
    """40 dB of the sound below a voice are taken away, of a voice's 300 Hz nothing; of an offset nothing is left, from
    the first sample on."""
    rumble = tone(hertz, amplitude)
    assert np.abs(through(rumble, RATE)[RATE // 10 :]).max() < 0.01 * amplitude
    if hertz == 0:
        assert np.abs(through(rumble, RATE)).max() < 1e-5 * amplitude
    heard = through(rumble + tone(300, 0.05), RATE)[RATE // 10 :]
    assert np.abs(heard).max() == pytest.approx(0.05, abs=0.002 + 0.01 * amplitude)


def test_the_size_of_blocks_makes_no_difference() -> None:
    """The filtered stream does not depend on its cuts, once it is known to rumble."""
    samples = tone(30, 0.3) + np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32) * np.float32(0.02)
    whole = through(samples, len(samples))
    assert whole.dtype == np.float32
    for size in (700, 1600, 4001):
        assert through(samples, size)[RATE // 2 :] == pytest.approx(whole[RATE // 2 :], abs=1e-5)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_next_to_nothing(count: int) -> None:
    """No samples, or a few, come back as many as they are."""
    assert len(HighPass()(np.full(count, 0.5, np.float32))) == count


def test_rumble_that_begins_later_is_taken_out_from_then_on() -> None:
    """A lorry that comes by: the sound before it has passed as it was."""
    quiet, loud = tone(300, 0.05, 1), tone(300, 0.05, 2) + tone(30, 0.3, 2)
    heard = through(np.concatenate((quiet, loud)), 1600)
    assert np.array_equal(heard[:RATE], quiet)
    assert np.abs(heard[RATE + RATE // 2 :]).max() < 0.06
