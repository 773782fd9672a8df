"""Finds the end of a wake word, after which speech may continue in the same breath."""

from __future__ import annotations

from itertools import groupby

from .engine import RATE

KEPT_SOUND_S = 2.0
MAX_WAKE_WORD_S = 1.5  # the longest wake word
LOUD_S = 1.0  # seconds before a word's detection; the loudest part of them belongs to the word
QUIET_SHARE = 0.05  # share of that loudness: 26 dB less
WORD_END_QUIET_S = 0.06  # seconds of quiet up to the detection, or
CLOSED_S = 0.1  # seconds of quiet before: a shorter one may be the closure of a t, k or p
_FRAME = RATE // 100


class RecentSound:
    """The last seconds of a stream; s16le samples at `RATE`."""

    def __init__(self) -> None:
        self._samples = bytearray()
        self._count = 0  # samples added in total

    def add(self, samples: bytes) -> None:
        self._samples += samples
        self._count += len(samples) // 2
        if len(self._samples) > 4 * RATE * KEPT_SOUND_S:
            del self._samples[: len(self._samples) - int(2 * RATE * KEPT_SOUND_S)]

    def word_end(self, detected_s: float, lag_s: float, word_begin: float | None = None) -> float:
        """Returns the end of a word that an engine detected at second `detected_s`, at most `lag_s` after its end.

        That is the beginning of the pause after the word. Without a pause it is the beginning of the word, `word_begin`
        if the engine knows it: of 40 commands a model lost words of eleven if the sound began within the wake word,
        which it took for part of the next word.
        """
        begin = max(0.0, detected_s - MAX_WAKE_WORD_S) if word_begin is None else word_begin
        frames = self._loudness(detected_s - max(lag_s, LOUD_S), detected_s)
        if not frames:
            return begin
        limit, window = QUIET_SHARE * max(frames), frames[-round(lag_s * 100) :]
        position = 0
        for quiet, run in groupby(loudness < limit for loudness in window):
            length = len(list(run))
            position += length
            if quiet and length >= 100 * (WORD_END_QUIET_S if position == len(window) else CLOSED_S):
                return detected_s - (len(window) - position + length) / 100
        return begin

    def _loudness(self, begin: float, end: float) -> list[float]:
        """Returns the RMS values of each 10 ms between two times, as far as the sound is kept."""
        import numpy as np

        samples = np.frombuffer(bytes(self._samples), np.int16)
        first = self._count - len(samples)
        low, high = (max(0, round(second * RATE) - first) for second in (begin, end))
        window = samples[low:high].astype(np.float32)
        frames = window[len(window) % _FRAME :].reshape(-1, _FRAME)
        return [float(value) for value in np.sqrt((frames**2).mean(axis=1))]
