"""The end of a wake word, behind which speech may go on in the same breath."""

from __future__ import annotations

from itertools import groupby

from .engine import RATE

KEPT_S = 2.0
WHOLE_S = 1.5  # in which a wake word is said
LOUD_S = 1.0  # before the moment at which a word is known, whose loudest part is the word's own
QUIET = 0.05  # of that: 26 dB less
PAUSE_S = 0.06  # of quiet that lasts until then, and
CLOSED_S = 0.1  # of quiet before: shorter ones may be a t, a k or a p that is about to burst
_FRAME = RATE // 100


class RecentSound:
    """The last seconds of a stream; s16le samples at `RATE`."""

    def __init__(self) -> None:
        self._samples = bytearray()
        self._count = 0  # samples in all

    def add(self, samples: bytes) -> None:
        """Adds the samples that follow."""
        self._samples += samples
        self._count += len(samples) // 2
        if len(self._samples) > 4 * RATE * KEPT_S:
            del self._samples[: len(self._samples) - int(2 * RATE * KEPT_S)]

    def word_end(self, at: float, lag_s: float, word_begin: float | None = None) -> float:
        """Returns where a word ends of which an engine was sure at second `at`, at most `lag_s` after the end.

        That is the beginning of a pause, if there is one. Else nobody paused, and it is before the whole word, at
        `word_begin` where an engine knows that: of 40 commands a model lost words of eleven where the sound began
        within the wake word, which it took for a part of the next one.
        """
        begin = max(0.0, at - WHOLE_S) if word_begin is None else word_begin
        frames = self._loudness(at - max(lag_s, LOUD_S), at)
        if not frames:
            return begin
        limit, window = QUIET * max(frames), frames[-round(lag_s * 100) :]
        place = 0
        for quiet, run in groupby(loudness < limit for loudness in window):
            length = len(list(run))
            place += length
            if quiet and length >= 100 * (PAUSE_S if place == len(window) else CLOSED_S):
                return at - (len(window) - place + length) / 100
        return begin

    def _loudness(self, begin: float, end: float) -> list[float]:
        """The effective values of the 10 ms each between two seconds, as far as they are kept."""
        import numpy as np

        samples = np.frombuffer(bytes(self._samples), np.int16)
        first = self._count - len(samples)
        low, high = (max(0, round(second * RATE) - first) for second in (begin, end))
        window = samples[low:high].astype(np.float32)
        frames = window[len(window) % _FRAME :].reshape(-1, _FRAME)
        return [float(value) for value in np.sqrt((frames**2).mean(axis=1))]
