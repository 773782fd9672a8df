"""Speech goes on after a pause with the word that was cut, by the silence before it."""

from __future__ import annotations

from array import array

import pytest
from hushd import Client
from hushd.audio.playback_buffer import BACK_S, FADE_S, QUIET, SILENCE_S, PlaybackBuffer, word_start
from support.peer import Supervisor

TEXT = (
    "When nobody speaks or listens, the memory is given back. A worker starts with the first request, and it leaves "
    "when it has been idle for a while, so that the machine has room for other things."
)
RATE = 16_000
MS = RATE // 1000  # samples


class Stopped(Exception):
    """As sounddevice's CallbackStop."""


def silence(ms: int) -> array[int]:
    return array("h", bytes(2 * MS * ms))


def tone(ms: int) -> array[int]:
    return array("h", [9000, -9000] * (MS * ms // 2))


@pytest.mark.parametrize(
    ("sound", "start_ms"),
    [
        (tone(100) + silence(50) + tone(200), 120),
        (silence(50) + tone(200), 20),
        (tone(100) + silence(50) + tone(200) + silence(100) + tone(70), 420),
        (tone(100) + silence(80), 150),
        (tone(100) + silence(20) + tone(200), None),
        (tone(300), None),
        (array("h"), None),
    ],
)
def test_the_last_silence(sound: array[int], start_ms: int | None) -> None:
    """Its last 30 ms: between two sounds, before the first one, at the end; shorter ones do not count."""
    start = word_start(sound.tobytes(), RATE, 1)
    assert start == (None if start_ms is None else 2 * MS * start_ms)


def played(buffer: PlaybackBuffer, frames: int, blocks: int = 1 << 20) -> array[int]:
    """The samples that a device gets in so many callbacks, or until it is stopped."""
    samples = array("h")
    for _ in range(blocks):
        output = bytearray(2 * frames)
        try:
            buffer.callback(memoryview(output), frames, None, None)
        except Stopped:
            return samples + array("h", bytes(output))
        samples += array("h", bytes(output))
    return samples


def paused(samples: array[int], rate: int, blocks: int) -> tuple[int, array[int]]:
    """The number of samples that were heard before a pause after so many blocks of 25 ms, and those heard after it."""
    buffer = PlaybackBuffer(Stopped, rate, 1)
    buffer.abandon()  # so that `fill` takes all at once
    buffer.fill([samples.tobytes()])
    buffer.begin()
    before = played(buffer, rate // 40, blocks)
    buffer.hush()
    played(buffer, rate // 40)
    buffer.begin()
    return len(before) + int(FADE_S * rate), played(buffer, rate // 40)


def test_real_speech_goes_on_at_a_silence_and_loses_no_sample(carried: Supervisor) -> None:
    """hibari's speech is paused at thirty places: the sound after it begins with the silence before the cut word, two
    seconds before the pause at most, and is all of the rest."""
    with Client() as client:
        speech = client.synthesize(TEXT)
        samples = array("h", b"".join(speech))
        rate = speech.rate
    limit = QUIET * max(map(abs, samples))
    fade, silent = int(FADE_S * rate), int(SILENCE_S * rate)
    steps = []
    for place in range(30):
        heard, after = paused(samples, rate, 4 + 14 * place)
        start = samples.tobytes().find(after[fade : fade + rate // 2].tobytes()) // 2 - fade
        steps.append((heard - start) / rate)
        assert max(map(abs, samples[start : start + silent])) <= limit
        assert after[fade : len(samples) - start] == samples[start + fade :]
    assert min(steps) >= SILENCE_S
    assert 0.5 < max(steps) <= BACK_S + 1 / 40
