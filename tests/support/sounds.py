"""Sounds without a word: made-up noises and songs, 16 kHz."""

from __future__ import annotations

from functools import cache

import numpy as np

RATE = 16_000
MOUTH = ((1, 500, 300), (0.8, 1500, 500), (0.5, 2800, 900))  # resonances: share, Hz, width
NOTES = (261, 293, 329, 349, 392, 440, 493, 523)


def noise(loudness: float, samples: int = 10 * RATE) -> np.ndarray:
    return np.random.default_rng(6).standard_normal(samples) * loudness


def hum(hertz: int, loudness: float) -> np.ndarray:
    return loudness * np.sin(np.arange(10 * RATE) * 2 * np.pi * hertz / RATE)


def bursts(sound: np.ndarray, every_s: float) -> np.ndarray:
    """Ten seconds of a quiet room with `sound` in it again and again."""
    room = noise(1e-4)
    for start in range(RATE // 2, len(room) - len(sound), int(every_s * RATE)):
        room[start : start + len(sound)] += sound
    return room


def fading(sound: np.ndarray, seconds: float) -> np.ndarray:
    return sound * np.exp(-np.arange(len(sound)) / (seconds * RATE))


def breath(seconds: float, decibels: float, seed: int) -> np.ndarray:
    """A breath: noise through an open mouth, which rises faster than it falls, at a level below full scale."""
    count = int(seconds * RATE)
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    mouth = sum(share / (1 + ((hertz - at) / wide) ** 2) for share, at, wide in MOUTH)
    air = np.fft.irfft(np.fft.rfft(np.random.default_rng(seed).standard_normal(count)) * mouth, count)
    air *= np.sin(np.pi * np.linspace(0, 1, count) ** 0.7) ** 1.5
    return air / np.sqrt(np.mean(air**2)) * 10 ** (decibels / 20)


NOISES = {
    "silence": lambda: np.zeros(10 * RATE),
    "room": lambda: noise(1e-4),
    "noise": lambda: noise(0.2),
    "hum": lambda: hum(50, 0.2) + hum(150, 0.1),
    "quiet hum": lambda: hum(50, 0.002) + noise(1e-4),
    "clicks": lambda: bursts(fading(noise(1, 400), 0.004), 0.5),
    "coughs": lambda: bursts(fading(noise(0.5, 4800), 0.1), 1.5),
    "taps": lambda: bursts(fading(np.sin(np.arange(800) * 0.15), 0.01), 0.2),
}


@cache
def song(seed: int) -> np.ndarray:
    """Thirty seconds of a tune without a word, of which moonshine's smallest model writes some: 16-bit samples."""
    rng, tune = np.random.default_rng(seed), np.zeros(RATE * 30)
    for beat in range(120):
        at, count = int(beat * 0.25 * RATE), RATE // 2
        pitch = rng.choice(NOTES) * rng.choice([0.5, 1, 2])
        t = np.arange(count) / RATE
        fade = np.exp(-4 * t) if seed < 4 else np.minimum(1, t * 20) * np.exp(-1.5 * t)
        tone = sum(share * np.sin(2 * np.pi * n * pitch * t) for n, share in ((1, 1), (2, 0.5), (3, 0.3))) * fade
        if seed >= 4:
            tone = tone + 0.4 * np.sin(2 * np.pi * pitch * 1.01 * t + 3 * np.sin(2 * np.pi * 5 * t))
        tune[at : at + count] += tone[: len(tune[at : at + count])]
    if seed % 2 == 0:
        for at in range(0, 60 * RATE // 2, RATE // 2):
            drum = rng.normal(size=1600) * np.exp(-np.arange(1600) / 300)
            tune[at : at + 1600] += drum[: len(tune[at : at + 1600])]
    return (tune / abs(tune).max() * 0.7 * 32767).astype("<i2")
